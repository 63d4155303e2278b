/** What stands where a value was taken out. */
export const REDACTED = '[redacted]'

/** Keys made up by any client are looked up once each, up to so many. */
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

  /** Whether the value at the path is redacted, in any task. */
  hits(path: Path): boolean {
    return this.#hitsKeys(path) || (path.some(isDotted) && this.#hitsKeys(path.flatMap(parts)))
  }

  /** Whether what is at the path, counted from the arguments of a call of the task, has to go. */
  hitsOf(path: Path, task: string): boolean {
    return this.#ofTasks.some(
      (rule) =>
        rule.task?.test(task) === true &&
        rule.keys.length === path.length &&
        isEndOf(path, rule.keys),
    )
  }

  /** Whether a rule counts the arguments of this task: text that shows them cannot be read, so it goes as a whole. */
  countsArgumentsOf(task: string | null): boolean {
    return task !== null && this.#ofTasks.some((rule) => rule.task?.test(task) === true)
  }

  /** The same of a task that text shows a call of, as the one that `celery.starmap` is to call. */
  countsArgumentsIn(text: string): boolean {
    if (this.#ofTasks.length === 0) return false
    return [...text.matchAll(SHOWN_CALL)].some(([, task = '']) => this.countsArgumentsOf(task))
  }

  /** Whether text shows a key that a rule names, with a value after it: `'password': …`, `password=…`. */
  hitsText(text: string): boolean {
    return this.#text?.test(text) === true
  }

  #hitsKeys(path: Path): boolean {
    const last = path.at(-1)
    return (
      last !== undefined &&
      this.#endsRule(last) &&
      this.#anywhere.some(({ keys }) => isEndOf(path, keys))
    )
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

/** `{"card.number": …}` is one key, and may be meant as two. */
function isDotted(key: string): boolean {
  return key.includes('.')
}

function parts(key: string): string[] {
  return key.split('.')
}

const SHOWN_CALL = /["']task\\*["']\s*:\s*\\*["']([^"'\\]+)/g

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

/** The last key of each rule, where text shows it as a key. */
function textPattern(rules: readonly string[]): RegExp | null {
  const sources = rules.flatMap((rule) => shownSource(rule) ?? [])
  return sources.length === 0 ? null : new RegExp(sources.join('|'), 'i')
}

/**
 * How text shows the last key of a rule, in the dialects of JavaScript and of PostgreSQL: as a word, or in quotes, with
 * a value after it. A position is no key: null. What `*` stands for has an end, so that long text takes no longer.
 */
export function shownSource(rule: string): string | null {
  const last =
    rule
      .slice(rule.lastIndexOf(':') + 1)
      .split('.')
      .at(-1) ?? ''
  if (last === '' || /^\d+$/.test(last)) return null
  const word = `(?:^|[^A-Za-z0-9_])${globSource(last, '[A-Za-z0-9_.-]{0,100}')}\\\\*["']?`
  const quoted = `["']${globSource(last, '[^"\'\\n]{0,100}')}["']`
  return `(?:${word}|${quoted})\\s*[:=,>]`
}
