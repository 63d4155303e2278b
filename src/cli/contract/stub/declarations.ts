import { parseObject, parseType, type TypeNode } from './parse-type.ts'
import { TypeTokens } from './type-tokens.ts'

/** What a .d.ts file declares. */
export interface Declarations {
  /** Types of constants by name. */
  readonly values: ReadonlyMap<string, TypeNode>
  /** Interfaces, type aliases and enums by name; those with parameters of their own are left out. */
  readonly types: ReadonlyMap<string, TypeNode>
  /** Where imported names come from: the file's specifier, and the name there. */
  readonly imports: ReadonlyMap<string, readonly [specifier: string, name: string]>
}

export function readDeclarations(text: string): Declarations {
  const tokens = new TypeTokens(text)
  const [values, types] = [new Map<string, TypeNode>(), new Map<string, TypeNode>()]
  const imports = new Map<string, readonly [string, string]>()
  const readers: Readonly<Record<string, () => void>> = {
    const: () => readConstant(tokens, values),
    let: () => readConstant(tokens, values),
    interface: () => readInterface(tokens, types),
    type: () => readAlias(tokens, types),
    enum: () => readEnum(tokens, types),
    import: () => readImport(tokens, imports),
  }
  while (!tokens.isAtEnd) {
    const word = tokens.next()
    if ('({['.includes(word)) tokens.skipBrackets()
    else if (Object.hasOwn(readers, word)) readers[word]?.()
  }
  return { values, types, imports }
}

/** Not that of `const enum`. */
function readConstant(tokens: TypeTokens, values: Map<string, TypeNode>): void {
  if (tokens.peek(1) !== ':') return
  const name = tokens.next()
  tokens.next()
  values.set(name, parseType(tokens))
}

function readInterface(tokens: TypeTokens, types: Map<string, TypeNode>): void {
  const name = tokens.next()
  const isGeneric = tokens.take('<')
  if (isGeneric) tokens.skipBrackets()
  const of: TypeNode[] = []
  while (!tokens.isAtEnd && !tokens.take('{')) {
    if (!(tokens.take('extends') || tokens.take(','))) of.push(parseType(tokens))
  }
  of.push(parseObject(tokens))
  if (!isGeneric) types.set(name, of.length === 1 && of[0] ? of[0] : { kind: 'both', of })
}

function readAlias(tokens: TypeTokens, types: Map<string, TypeNode>): void {
  const name = tokens.next()
  const isGeneric = tokens.take('<')
  if (isGeneric) tokens.skipBrackets()
  if (!tokens.take('=')) return
  const type = parseType(tokens)
  if (!isGeneric) types.set(name, type)
}

function readEnum(tokens: TypeTokens, types: Map<string, TypeNode>): void {
  const name = tokens.next()
  const of: TypeNode[] = []
  if (!tokens.take('{')) return
  while (!tokens.isAtEnd && !tokens.take('}')) {
    tokens.next()
    if (tokens.take('=')) of.push(parseType(tokens))
    tokens.take(',')
  }
  types.set(name, { kind: 'union', of })
}

function readImport(tokens: TypeTokens, imports: Map<string, readonly [string, string]>): void {
  if (tokens.peek() === 'type' && tokens.peek(1) === '{') tokens.next()
  if (!tokens.take('{')) return
  const names: (readonly [here: string, there: string])[] = []
  while (!tokens.isAtEnd && !tokens.take('}')) {
    if (tokens.peek() === 'type' && /^\w/.test(tokens.peek(1)) && tokens.peek(1) !== 'as')
      tokens.next()
    const there = tokens.next()
    names.push([tokens.take('as') ? tokens.next() : there, there])
    tokens.take(',')
  }
  if (!tokens.take('from')) return
  const specifier = tokens.next().slice(1, -1)
  for (const [here, there] of names) imports.set(here, [specifier, there])
}
