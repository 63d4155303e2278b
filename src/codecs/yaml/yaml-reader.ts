import type * as Yaml from 'yaml'
import type { Document, ScalarTag, Tags } from 'yaml'
import { ProtocolError } from '../../errors.ts'
import { requireBuilt } from '../../own-package.ts'
import { textOfError } from '../../text-of-error.ts'
import { DEFAULT_LIMITS, type MessageLimits, tooLarge, tooManyNodes } from '../limits.ts'
import { dictOf } from '../own-key.ts'
import { refuseManyMerges } from './yaml-merges.ts'
import { SCALAR_TYPES } from './yaml-scalars.ts'
import { checkTokens, TOO_DEEP, YamlRefusal } from './yaml-tokens.ts'

/** Reads YAML as PyYAML's safe loader does: YAML 1.1, and no tags but YAML's own. */
export function decodeYaml(source: string, limits: MessageLimits = DEFAULT_LIMITS): unknown {
  refuseTooMuch(source)
  const text = source.replace(OLD_LINE_ENDS, '\n')
  try {
    checkTokens(new (yaml().Lexer)().lex(text), text.length)
    const document = yaml().parseDocument(text, {
      version: '1.1',
      customTags: withOurScalars,
      uniqueKeys: false,
      prettyErrors: false,
    })
    refuseProblems(document)
    refuseManyMerges(yaml(), document)
    return new PlainCopy(limits).of(document.toJS({ mapAsMap: true, maxAliasCount: MAX_ALIASES }))
  } catch (error) {
    throw error instanceof ProtocolError ? error : unreadableYaml(error)
  }
}

const MAX_LENGTH = 1_000_000
/** They end a line in PyYAML, as in YAML 1.1, but not in the library. */
const OLD_LINE_ENDS = /\r(?!\n)|\u0085/g
/** What PyYAML's reader does not let in. */
const NOT_PRINTABLE = /[^\t\n\r -~\u0085\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u

/** How often aliases may repeat what they stand for; a few lines could otherwise fill the memory. */
const MAX_ALIASES = 10_000

const OUR_TAGS: readonly ScalarTag[] = SCALAR_TYPES.map(({ tag, test, read }) => ({
  tag: `tag:yaml.org,2002:${tag}`,
  default: true,
  test,
  resolve: (text: string) => {
    if (test.test(text)) return read(text)
    throw new Error(`expected a ${tag}, found ${JSON.stringify(text.slice(0, 40))}`)
  },
}))

/** Python's float() takes whole numbers, too, where the tag says that it is to be one. */
const TAGGED_FLOAT: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  resolve: (text: string) => {
    const digits = text.replaceAll('_', '')
    if (/^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(digits)) return Number(digits)
    throw new Error(`expected a float, found ${JSON.stringify(text.slice(0, 40))}`)
  },
}

function withOurScalars(tags: Tags): Tags {
  const ours = new Set(OUR_TAGS.map((tag) => tag.tag))
  const others = tags.filter((tag) => typeof tag === 'string' || !ours.has(tag.tag))
  return [...OUR_TAGS, TAGGED_FLOAT, ...others]
}

/** Before it is made a text of: no character takes more than four bytes. */
export function refuseLongYaml(bytes: Uint8Array): void {
  if (bytes.length <= 4 * MAX_LENGTH) return
  throw tooLarge(`YAML: expected at most ${MAX_LENGTH} characters, found ${bytes.length} bytes`)
}

function refuseTooMuch(text: string): void {
  if (text.length > MAX_LENGTH) {
    throw tooLarge(`YAML: expected at most ${MAX_LENGTH} characters, found ${text.length}`)
  }
  const at = text.search(NOT_PRINTABLE)
  if (at >= 0) throw unreadableYaml('a character that is not printable', ` at position ${at}`)
}

/** An unknown tag is only a warning to the library; Python refuses it, and so do we. */
function refuseProblems(document: Document): void {
  const [problem] = [...document.errors, ...document.warnings]
  if (problem !== undefined) throw unreadableYaml(problem, ` at position ${problem.pos[0]}`)
}

/** What a value is once it is written out: what an alias repeats counts each time. */
interface Size {
  readonly nodes: number
  readonly characters: number
}

/** Maps become objects where all keys are text. What an alias repeats stays one value. */
class PlainCopy {
  readonly #limits: MessageLimits
  readonly #done = new Map<object, { readonly copy: unknown; readonly size: Size }>()
  #nodes = 0
  #characters = 0

  constructor(limits: MessageLimits) {
    this.#limits = limits
  }

  of(value: unknown): unknown {
    if (typeof value === 'string') this.#count({ nodes: 1, characters: value.length })
    else this.#count({ nodes: 1, characters: 0 })
    if (typeof value !== 'object' || value === null) return value
    const before = this.#done.get(value)
    if (before !== undefined) {
      this.#count(before.size)
      return before.copy
    }
    const [nodes, characters] = [this.#nodes, this.#characters]
    const copy = this.#copyOf(value)
    const size = { nodes: this.#nodes - nodes, characters: this.#characters - characters }
    this.#done.set(value, { copy, size })
    return copy
  }

  #copyOf(value: object): unknown {
    if (value instanceof Uint8Array) return Buffer.from(value)
    if (Array.isArray(value)) return value.map((item) => this.of(item))
    if (value instanceof Set) return new Set([...value].map((item) => this.of(item)))
    if (!(value instanceof Map)) return value
    return dictOf([...value].map(([key, item]) => [hashable(this.of(key)), this.of(item)]))
  }

  #count({ nodes, characters }: Size): void {
    this.#nodes += nodes
    this.#characters += characters
    const { maxNodes, maxBytes } = this.#limits
    if (this.#nodes > maxNodes) throw tooManyNodes(maxNodes, 'YAML')
    if (this.#characters > maxBytes) {
      throw tooLarge(`YAML: its aliases expand to more than ${maxBytes} characters`)
    }
  }
}

/** A list, an object or a set is no key in Python. */
function hashable(key: unknown): unknown {
  const isPlain = typeof key === 'object' && key !== null && key.constructor === Object
  if (!isPlain && !Array.isArray(key) && !(key instanceof Map) && !(key instanceof Set)) return key
  throw new YamlRefusal('a list, an object or a set is a key; expected text, a number or a date')
}

function unreadableYaml(cause: unknown, place = ''): ProtocolError {
  const why = textOfError(cause)
  const isTooDeep = why.startsWith('Maximum call stack')
  return new ProtocolError('MESSAGE_UNDECODABLE', `YAML${place}: ${isTooDeep ? TOO_DEEP : why}`, {
    cause,
  })
}

/** Loaded by the first YAML: most messages are none. */
function yaml(): typeof Yaml {
  return requireBuilt('yaml')
}
