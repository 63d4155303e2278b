import { type Document, Lexer, parseDocument, type ScalarTag, type Tags } from 'yaml'
import { ProtocolError } from '../errors.ts'
import { dictOf } from './own-key.ts'
import { SCALAR_TYPES } from './yaml-scalars.ts'

/** Reads YAML as PyYAML's safe loader does: YAML 1.1, and no tags but YAML's own. */
export function decodeYaml(text: string): unknown {
  refuseTooMuch(text)
  try {
    const document = parseDocument(text, {
      version: '1.1',
      customTags: withOurScalars,
      uniqueKeys: false,
      prettyErrors: false,
    })
    refuseProblems(document)
    return plain(document.toJS({ mapAsMap: true, maxAliasCount: MAX_ALIASES }), new Map())
  } catch (error) {
    throw error instanceof ProtocolError ? error : unreadable(error)
  }
}

/** A parsed character can take a kilobyte, so that a few megabytes would end the process. */
const MAX_LENGTH = 1_000_000
const MAX_DEPTH = 500

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
    throw unreadable(`expected at most ${MAX_LENGTH} characters, found ${text.length}`)
  }
  let depth = 0
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') depth += 1
    if (token === ']' || token === '}') depth -= 1
    if (depth > MAX_DEPTH) throw unreadable(TOO_DEEP)
  }
}

const TOO_DEEP = `expected at most ${MAX_DEPTH} levels of nesting`

/** A tag that nobody knows is only a warning to the library; Python refuses it, and so do we. */
function refuseProblems(document: Document): void {
  const [problem] = [...document.errors, ...document.warnings]
  if (problem !== undefined) throw unreadable(problem, ` at position ${problem.pos[0]}`)
}

/** Maps become objects where all keys are text. What an alias repeats stays one value. */
function plain(value: unknown, done: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return Buffer.from(value)
  const before = done.get(value)
  if (before !== undefined) return before
  const result = plainContainer(value, done)
  done.set(value, result)
  return result
}

function plainContainer(value: object, done: Map<object, unknown>): unknown {
  if (Array.isArray(value)) return value.map((item) => plain(item, done))
  if (value instanceof Set) return new Set([...value].map((item) => plain(item, done)))
  if (!(value instanceof Map)) return value
  return dictOf([...value].map(([key, item]) => [plain(key, done), plain(item, done)]))
}

function unreadable(cause: unknown, place = ''): ProtocolError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const isTooDeep = why.startsWith('Maximum call stack')
  return new ProtocolError('MESSAGE_UNDECODABLE', `YAML${place}: ${isTooDeep ? TOO_DEEP : why}`, {
    cause,
  })
}
