import type * as Yaml from 'yaml'
import type { Document, Node } from 'yaml'
import { parseJson } from '../codecs/json/json-parser.ts'
import { MAX_DEPTH } from '../codecs/limits.ts'
import { widthOf, YamlDepth } from '../codecs/yaml/yaml-depth.ts'
import { DefinitionError, type DefinitionProblem } from '../errors.ts'
import { requireBuilt } from '../own-package.ts'

/** Where a value stands: keys and indexes from the root. */
export type Path = readonly (string | number)[]

/** A definition as it was read: its value, and the place of each part for error messages. */
export interface ParsedDefinition {
  readonly file: string
  readonly value: unknown
  /** A mistake in the part at this path; in its nearest existing ancestor where there is no such part. */
  problem(path: Path, message: string): DefinitionProblem
}

export interface ParseLimits {
  /** Characters of text. Default 1,000,000. */
  readonly maxLength?: number
  /** Values after aliases are expanded. Default 200,000. */
  readonly maxValues?: number
  /** Levels of nesting. Default 100. */
  readonly maxDepth?: number
}

type SizeLimits = Required<Pick<ParseLimits, 'maxValues' | 'maxDepth'>>

/** Keys that would reach an object's prototype in careless code. */
const REFUSED_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Reads YAML 1.2 (of which JSON is a part) within bounds: length, depth, and the number of values that aliases expand
 * to. Duplicate keys, unknown tags, keys that are not text and `__proto__` are refused with their place.
 */
export function parseDefinition(
  text: string,
  file: string,
  limits: ParseLimits = {},
): ParsedDefinition {
  const { maxLength = 1_000_000, maxValues = 200_000, maxDepth = 100 } = limits
  if (text.length > maxLength) {
    const message = `the file has ${text.length} characters, expected at most ${maxLength}`
    throw new DefinitionError([{ file, line: 1, column: 1, message }])
  }
  const source = new Source(file, text)
  source.refuseBadJson()
  const document = source.parse()
  source.refuseSyntax(document)
  source.refuseKeys(document)
  source.refuseSize(document, { maxValues, maxDepth })
  return {
    file,
    value: document.toJS({ maxAliasCount: -1 }), // counted above, where the place is known
    problem: (path, message) => source.problemAt(nodeAt(document, path), message),
  }
}

const TOO_DEEP = 'values are nested too deeply'

class Source {
  readonly #file: string
  readonly #text: string
  readonly #lines = new (yaml().LineCounter)()

  constructor(file: string, text: string) {
    this.#file = file
    this.#text = text
  }

  /** A .json file must be JSON, though YAML would take more. */
  refuseBadJson(): void {
    if (!this.#file.endsWith('.json')) return
    try {
      parseJson(this.#text, { keepFloats: false, maxDepth: MAX_DEPTH })
    } catch (cause) {
      const [, offset = '0', message = String(cause)] =
        /position (\d+): (.*)/.exec(String(cause)) ?? []
      throw this.#unparsed(Number(offset), message, cause)
    }
  }

  parse(): Document.Parsed {
    // In JSON a tab is always a blank between values; YAML refuses some of them.
    const text = this.#file.endsWith('.json') ? this.#text.replaceAll('\t', ' ') : this.#text
    this.#refuseDepth(text)
    return yaml().parseDocument(text, {
      version: '1.2',
      lineCounter: this.#lines,
      prettyErrors: false,
      uniqueKeys: true,
      stringKeys: false,
    })
  }

  #refuseDepth(text: string): void {
    const depth = new YamlDepth()
    let offset = 0
    for (const token of new (yaml().Lexer)().lex(text)) {
      if (depth.take(token) > MAX_DEPTH) throw this.#unparsed(offset, TOO_DEEP)
      offset += widthOf(token)
    }
  }

  /** Before the parser has counted lines. */
  #unparsed(offset: number, message: string, cause?: unknown): DefinitionError {
    const before = this.#text.slice(0, offset).split('\n')
    const place = { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
    return new DefinitionError([{ file: this.#file, ...place, message }], { cause })
  }

  /** A tag that the parser does not know is only a warning to it. */
  refuseSyntax(document: Document.Parsed): void {
    const problems = [...document.errors, ...document.warnings].map(({ pos, message }) =>
      this.problem(pos[0], message),
    )
    if (problems.length > 0) throw new DefinitionError(problems)
  }

  refuseKeys(document: Document.Parsed): void {
    const problems: DefinitionProblem[] = []
    yaml().visit(document, {
      Pair: (_, pair) => {
        const { key } = pair
        if (!yaml().isScalar(key) || typeof key.value === 'object') {
          problems.push(this.problemAt(asNode(key), 'expected a text as the key'))
        } else if (REFUSED_KEYS.has(String(key.value))) {
          problems.push(this.problemAt(key, `the key "${String(key.value)}" is not allowed`))
        }
      },
    })
    if (problems.length > 0) throw new DefinitionError(problems)
  }

  /** Counts values as they will be after aliases are expanded: a few lines could otherwise fill the memory. */
  refuseSize(document: Document.Parsed, { maxValues, maxDepth }: SizeLimits): void {
    const sizes = new Map<Node, number>()
    const sizeOf = (node: unknown, depth: number): number => {
      if (depth > maxDepth) {
        throw this.#error(offsetOf(node), `expected at most ${maxDepth} levels of nesting`)
      }
      if (yaml().isPair(node)) return 1 + sizeOf(node.value, depth)
      if (yaml().isAlias(node)) return this.#aliasSize(document, node, sizes)
      const items = hasItems(node) ? node.items : []
      const size = items.reduce<number>((sum, item) => sum + sizeOf(item, depth + 1), 1)
      if (size > maxValues) {
        throw this.#error(offsetOf(node), `expected at most ${maxValues} values, aliases expanded`)
      }
      const known = asNode(node)
      if (known !== undefined) sizes.set(known, size)
      return size
    }
    sizeOf(document.contents, 0)
  }

  /** An anchor stands before its aliases, so its size is known, unless the alias is inside its own anchor. */
  #aliasSize(
    document: Document.Parsed,
    alias: Node & { resolve(document: Document.Parsed): Node | undefined },
    sizes: ReadonlyMap<Node, number>,
  ): number {
    const target = alias.resolve(document)
    const size = target === undefined ? undefined : sizes.get(target)
    if (size === undefined) throw this.#error(offsetOf(alias), 'an alias cannot contain itself')
    return size
  }

  problemAt(node: Node | undefined, message: string): DefinitionProblem {
    return this.problem(offsetOf(node), message)
  }

  problem(offset: number, message: string): DefinitionProblem {
    const { line, col } = this.#lines.linePos(offset)
    return { file: this.#file, line: Math.max(line, 1), column: Math.max(col, 1), message }
  }

  #error(offset: number, message: string): DefinitionError {
    return new DefinitionError([this.problem(offset, message)])
  }
}

/** The node at the path; for a mistake in a key itself the path ends with that key, and its value's node is answered. */
function nodeAt(document: Document.Parsed, path: Path): Node | undefined {
  let node = asNode(document.contents)
  for (const step of path) {
    const next = childOf(node, step)
    if (next === undefined) return node
    node = next
  }
  return node
}

function childOf(node: Node | undefined, step: string | number): Node | undefined {
  if (yaml().isMap(node)) {
    const pair = node.items.find(
      ({ key }) => yaml().isScalar(key) && String(key.value) === String(step),
    )
    return asNode(pair?.value) ?? asNode(pair?.key)
  }
  return hasItems(node) ? asNode(node.items[Number(step)]) : undefined
}

function hasItems(node: unknown): node is Node & { readonly items: readonly unknown[] } {
  return asNode(node) !== undefined && Array.isArray((node as { items?: unknown }).items)
}

function asNode(value: unknown): Node | undefined {
  return typeof value === 'object' && value !== null && 'range' in value
    ? (value as Node)
    : undefined
}

function offsetOf(node: unknown): number {
  return asNode(yaml().isPair(node) ? node.key : node)?.range?.[0] ?? 0
}

let loaded: typeof Yaml | undefined

/** Loaded by the first definition: what could read one is often loaded to read none. */
function yaml(): typeof Yaml {
  loaded ??= requireBuilt('yaml') as typeof Yaml
  return loaded
}
