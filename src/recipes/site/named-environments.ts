/**
 * The environments that a command line names: `-e NAME`, `-eNAME`, `--environment NAME`, `--environment=NAME`, and
 * abbreviations such as `--env`. All else is ignored: the command reads its own options later.
 */
export function environmentsOnCommandLine(args: readonly string[]): string[] {
  const names: string[] = []
  let isValueNext = false
  for (const arg of args) {
    if (arg === '--') break
    const [option, value] = splitOption(arg)
    const isOption: boolean = !isValueNext && isEnvironmentOption(option)
    const name = isValueNext ? arg : value
    if ((isOption || isValueNext) && name !== undefined) names.push(name)
    isValueNext = isOption && value === undefined
  }
  return names
}

function splitOption(arg: string): [string, string | undefined] {
  if (arg.startsWith('--')) {
    const equals = arg.indexOf('=')
    return equals < 0 ? [arg, undefined] : [arg.slice(0, equals), arg.slice(equals + 1)]
  }
  if (arg.startsWith('-e') && arg.length > 2) return ['-e', arg.slice(2).replace(/^=/, '')]
  return [arg, undefined]
}

function isEnvironmentOption(option: string): boolean {
  return option === '-e' || (option.length > 2 && '--environment'.startsWith(option))
}
