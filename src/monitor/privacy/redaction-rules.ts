/** What stands where a value was taken out. */
export const REDACTED = '[redacted]'

/** Keys of anybody's making are looked up once each, up to so many. */
const MOST_REMEMBERED = 10_000

/** One line of REDACT. */
interface Rule {
  /** Of which tasks; null: of all. */
  readonly task: RegExp | null
  /** From the outside to the inside, one key each. */
  readonly keys: readonly RegExp[]
}

/** Where a value is: keys and positions from the arguments of a call inwards. */
export type Path = readonly string[]

/**
 * Which values must not be stored. `password` is a key at any depth, `card.number` a key below another, `*` any run of
 * characters within a key; `export.login:0` and `export.*:user.pin` are counted from the arguments of those tasks alone.
 * Upper and lower case are alike, and so are - and _.
 */
export class RedactionRules {
  readonly isEmpty: boolean
  readonly #anywhere: readonly Rule[]
  readonly #ofTasks: readonly Rule[]
  /** Whether a key could be the last one of a rule. */
  readonly #isLast = new Map<string, boolean>()
  readonly #text: RegExp | null

  constructor(lines: readonly string[]) {
    const rules = lines.map((line) => line.trim()).filter((line) => line !== '')
    const parsed = rules.map(ruleOf)
    this.isEmpty = parsed.length === 0
    this.#anywhere = parsed.filter(({ task }) => task === null)
    this.#ofTasks = parsed.filter(({ task }) => task !== null)
    this.#text = textPattern(rules)
  }

  /** Whether what is at the path, in a call of the task, has to go. */
  hits(path: Path, task: string | null): boolean {
    const last = path.at(-1)
    if (last === undefined) return false
    if (this.#endsRule(last) && this.#anywhere.some(({ keys }) => isEndOf(path, keys))) return true
    return (
      task !== null &&
      this.#ofTasks.some(
        (rule) =>
          rule.task?.test(task) === true &&
          rule.keys.length === path.length &&
          isEndOf(path, rule.keys),
      )
    )
  }

  /** Whether a rule counts the arguments of this task: text that shows them cannot be read, so it goes as a whole. */
  countsArgumentsOf(task: string | null): boolean {
    return task !== null && this.#ofTasks.some((rule) => rule.task?.test(task) === true)
  }

  /** Whether text shows a key that a rule names, with a value after it: `'password': …`, `password=…`. */
  hitsText(text: string): boolean {
    return this.#text?.test(text) === true
  }

  #endsRule(key: string): boolean {
    const known = this.#isLast.get(key)
    if (known !== undefined) return known
    const ends = this.#anywhere.some(({ keys }) => keys.at(-1)?.test(key) === true)
    if (this.#isLast.size >= MOST_REMEMBERED) this.#isLast.clear()
    this.#isLast.set(key, ends)
    return ends
  }
}

function isEndOf(path: Path, keys: readonly RegExp[]): boolean {
  const start = path.length - keys.length
  return start >= 0 && keys.every((key, at) => key.test(path[start + at] ?? ''))
}

function ruleOf(line: string): Rule {
  const colon = line.lastIndexOf(':')
  const keys = line.slice(colon + 1).split('.')
  return {
    task: colon < 0 ? null : globPattern(line.slice(0, colon), '.*'),
    keys: keys.map((key) => globPattern(key, '.*')),
  }
}

function globPattern(glob: string, star: string): RegExp {
  return new RegExp(`^${globSource(glob, star)}$`, 'is')
}

/** The source of a regular expression, in the dialects of JavaScript and of PostgreSQL. */
export function globSource(glob: string, star: string): string {
  return glob
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\/]/g, '\\$&').replace(/[-_]/g, '[-_]'))
    .join(star)
}

/** The last key of each rule, where text shows it as a key. A position is no key. */
function textPattern(rules: readonly string[]): RegExp | null {
  const keys = rules
    .map(
      (rule) =>
        rule
          .slice(rule.lastIndexOf(':') + 1)
          .split('.')
          .at(-1) ?? '',
    )
    .filter((key) => key !== '' && !/^\d+$/.test(key))
    .map((key) => globSource(key, '\\w*'))
  if (keys.length === 0) return null
  return new RegExp(`(?<![A-Za-z0-9_])(?:${keys.join('|')})\\\\*["']?\\s*[:=,]`, 'i')
}
