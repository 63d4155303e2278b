import type * as Yaml from 'yaml'
import type { Document, ScalarTag, Tags } from 'yaml'
import { ProtocolError } from '../../errors.ts'
import { requireBuilt } from '../../own-package.ts'
import { textOfError } from '../../text-of-error.ts'
import { DEFAULT_LIMITS, MAX_DEPTH, type MessageLimits, tooLarge, tooManyNodes } from '../limits.ts'
import { dictOf } from '../own-key.ts'
import { SCALAR_TYPES } from './yaml-scalars.ts'

/** Reads YAML as PyYAML's safe loader does: YAML 1.1, and no tags but YAML's own. */
export function decodeYaml(text: string, limits: MessageLimits = DEFAULT_LIMITS): unknown {
  refuseTooMuch(text)
  try {
    const document = yaml().parseDocument(text, {
      version: '1.1',
      customTags: withOurScalars,
      uniqueKeys: false,
      prettyErrors: false,
    })
    refuseProblems(document)
    return new PlainCopy(limits).of(document.toJS({ mapAsMap: true, maxAliasCount: MAX_ALIASES }))
  } catch (error) {
    throw error instanceof ProtocolError ? error : unreadableYaml(error)
  }
}

/** A parsed token takes more than half a kilobyte, so that a few megabytes of them would end the process. */
const MAX_LENGTH = 1_000_000
const MAX_TOKENS = 250_000

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

function withOurScalars(tags: Tags): Tags {
  const ours = new Set(OUR_TAGS.map((tag) => tag.tag))
  return [...OUR_TAGS, ...tags.filter((tag) => typeof tag === 'string' || !ours.has(tag.tag))]
}

function refuseTooMuch(text: string): void {
  if (text.length > MAX_LENGTH) {
    throw tooLarge(`YAML: expected at most ${MAX_LENGTH} characters, found ${text.length}`)
  }
  let depth = 0
  let tokens = 0
  for (const token of new (yaml().Lexer)().lex(text)) {
    tokens += 1
    if (tokens > MAX_TOKENS) {
      throw tooLarge(`YAML: expected at most ${MAX_TOKENS} tokens in ${text.length} characters`)
    }
    if (token === '[' || token === '{') depth += 1
    if (token === ']' || token === '}') depth -= 1
    if (depth > MAX_DEPTH) throw unreadableYaml(TOO_DEEP)
  }
}

const TOO_DEEP = `expected at most ${MAX_DEPTH} levels of nesting`

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
    return dictOf([...value].map(([key, item]) => [this.of(key), this.of(item)]))
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
