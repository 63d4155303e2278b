/** Whether a path fits one of the patterns; without patterns every path does, with none of them no path. */
export function globs(patterns: readonly string[] | undefined): (path: string) => boolean {
  if (patterns === undefined) return () => true
  const tests = patterns.map((pattern) => ({
    isPath: pattern.includes('/'),
    expression: new RegExp(`^${sourceOf(pattern)}$`),
  }))
  return (path) => {
    const name = path.slice(path.lastIndexOf('/') + 1)
    return tests.some(({ isPath, expression }) => expression.test(isPath ? path : name))
  }
}

/** `*` and `?` within a name, `**` over folders, `[abc]`, `{a,b}`. */
function sourceOf(pattern: string): string {
  return pattern
    .replace(/[.+^$()|\\]/g, '\\$&')
    .replace(/\*\*\/?|\*|\?/g, (mark) => GLOBS[mark] ?? mark)
    .replace(/\{([^{}]*)\}/g, (_, names: string) => `(?:${names.replaceAll(',', '|')})`)
    .replace(/\[!/g, '[^')
}

const GLOBS: Readonly<Record<string, string>> = {
  '**/': '(?:.*/)?',
  '**': '.*',
  '*': '[^/]*',
  '?': '[^/]',
}
