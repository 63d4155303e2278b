import type { Divisible } from '../../async/slices.ts'
import { encodeWhole } from '../encodable.ts'
import { EncodeNodes } from '../encode-nodes.ts'
import type { MemoryBudget } from '../memory-budget.ts'
import { JSON_FORMAT, jsonText } from './json-encoder.ts'
import { JsonParser, parseJson } from './json-parser.ts'
import { isUnlikeJavaScript } from './unlike-javascript.ts'

const MAX_DEPTH = JSON_FORMAT.maxDepth

/** A number that would lose its being a float: 1.0, 1e5. It starts the text, or follows [ , : or a blank. */
const WHOLE_FLOAT = /(?:^|[[,:\s])-?\d+(?:\.0+(?!\d)|(?:\.\d+)?[eE])/

/** A key that JavaScript would move to the front of its object. */
const INDEX_KEY = /"\d{1,10}"\s*:/

interface DecodeJsonOptions {
  /** Give `1.0` as `Float`, so that it is `1.0` again when sent on. */
  readonly keepFloats?: boolean
  /** Give objects whose keys are whole numbers as Maps, so that they stay in the order they came in. */
  readonly keepOrder?: boolean
  /** Read `__type__` as a key like any other. */
  readonly plainObjects?: boolean
}

/** JSON that is read in slices; its floats may be kept in one place of the outermost list. */
export function jsonReader(
  text: string,
  keepFloats: boolean | number = false,
  memory?: MemoryBudget,
): Divisible<unknown> {
  return new JsonParser(text, { keepFloats, maxDepth: MAX_DEPTH, memory })
}

/**
 * JSON as Celery writes it: `, ` and `: ` between, ASCII only, and typed values for what JSON lacks
 * (https://docs.celeryq.dev/en/stable/userguide/calling.html#serializers).
 */
export function encodeJson(value: unknown, maxNodes?: number): string {
  return encodeWhole(value, JSON_FORMAT, () =>
    jsonText(value, MAX_DEPTH, new EncodeNodes(value, maxNodes)),
  )
}

/** Reads what Python writes: integers beyond 2^53 come as bigint, typed values as their classes. */
export function decodeJson(text: string, options?: DecodeJsonOptions): unknown {
  const keepFloats = options?.keepFloats === true
  const keepOrder = options?.keepOrder === true
  if (!isSpecial(text, keepFloats) && !(keepOrder && INDEX_KEY.test(text))) {
    try {
      return JSON.parse(text)
    } catch {
      // The parser below finds the same mistake, and says where it is and what was expected.
    }
  }
  const plainObjects = options?.plainObjects === true
  return parseJson(text, { keepFloats, keepOrder, plainObjects, maxDepth: MAX_DEPTH })
}

/** Whether some number in it may lose its being a float; a text in a string may look like one. */
export function hasWholeFloat(text: string): boolean {
  return WHOLE_FLOAT.test(text)
}

function isSpecial(text: string, keepFloats: boolean): boolean {
  return isUnlikeJavaScript(text) || (keepFloats && hasWholeFloat(text)) || mayBeTooDeep(text)
}

/** JSON.parse nests without limit, and what walks its value later would overflow the stack. */
function mayBeTooDeep(text: string): boolean {
  if (text.length <= MAX_DEPTH) return false
  return (
    countUpTo(text, '[', MAX_DEPTH) + countUpTo(text, '{', MAX_DEPTH) > MAX_DEPTH &&
    depthOf(text) > MAX_DEPTH
  )
}

function countUpTo(text: string, mark: string, limit: number): number {
  let count = 0
  for (let at = text.indexOf(mark); at >= 0 && count <= limit; at = text.indexOf(mark, at + 1)) {
    count += 1
  }
  return count
}

// Brackets inside strings count too: at worst a text that is fine takes the slower parser.
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at) | 0x20
    if (code === OPEN) depth += 1
    else if (code === CLOSE) depth -= 1
    if (depth > deepest) deepest = depth
  }
  return deepest
}

// With bit 0x20 set, [ and { are one code, and so are ] and }.
const OPEN = 0x7b
const CLOSE = 0x7d
