import {
  type AddHelpTextContext,
  type AddHelpTextPosition,
  Command,
  Help,
  type Option,
} from 'commander'

const WIDTH = 80
/** A command line, and what is said of it beside it. */
const REMARKED = /^(\s*\S.*?)\s{2,}(\(.*\)|# .*)$/

/** A command whose help fits a terminal of 80 columns, the texts and examples below its options too. */
export class FittedCommand extends Command {
  override createCommand(name?: string): FittedCommand {
    return new FittedCommand(name)
  }

  override createHelp(): Help {
    return Object.assign(new PlainHelp(), this.configureHelp())
  }

  override addHelpText(position: AddHelpTextPosition, text: string): this
  override addHelpText(
    position: AddHelpTextPosition,
    text: (context: AddHelpTextContext) => string,
  ): this
  override addHelpText(
    position: AddHelpTextPosition,
    text: string | ((context: AddHelpTextContext) => string),
  ): this {
    return super.addHelpText(position, (context) =>
      fitted(typeof text === 'string' ? text : text(context)),
    )
  }
}

/** An option that may be repeated starts with none: that is no default to tell. */
class PlainHelp extends Help {
  override optionDescription(option: Option): string {
    const { defaultValue, description } = option
    const isEmpty = Array.isArray(defaultValue) && defaultValue.length === 0
    return isEmpty && option.argChoices === undefined
      ? description
      : super.optionDescription(option)
  }
}

/** Paragraphs are wrapped, command lines continued. What fits stays as it was written. */
export function fitted(text: string): string {
  const parts: string[][] = []
  for (const line of text.split('\n')) {
    const last = parts.at(-1)
    if (last !== undefined && isProse(line) && isProse(last[0] ?? '')) last.push(line)
    else parts.push([line])
  }
  return parts.flatMap(fittedPart).join('\n')
}

function isProse(line: string): boolean {
  return line !== '' && !line.startsWith(' ')
}

function fittedPart(lines: readonly string[]): readonly string[] {
  if (lines.every(({ length }) => length <= WIDTH)) return lines
  const [first = ''] = lines
  if (isProse(first)) return wrapped(lines.join(' ').split(' '), { indent: '', end: '' })
  const [, command = first, remark] = REMARKED.exec(first) ?? []
  const indent = /^\s*/.exec(command)?.[0] ?? ''
  const words = command.trim().match(/(?:'[^']*'|"[^"]*"|\S)+/g) ?? []
  return [
    ...(remark === undefined ? [] : [`${indent}# ${remark.replace(/^\(|\)$|^# /g, '')}`]),
    ...wrapped(words, { indent, end: ' \\' }),
  ]
}

/** Lines after the first are indented further where they continue a command. */
function wrapped(
  words: readonly string[],
  { indent, end }: { readonly indent: string; readonly end: string },
): readonly string[] {
  const hanging = end === '' ? indent : `${indent}  `
  const lines: string[] = []
  let line = indent
  for (const word of words) {
    const isFirst = line.trim() === ''
    const longer = isFirst ? line + word : `${line} ${word}`
    const fits = isFirst || longer.length <= WIDTH - end.length
    if (!fits) lines.push(line + end)
    line = fits ? longer : hanging + word
  }
  return [...lines, line]
}
