import type { TypeTokens } from './type-tokens.ts'

/** A type of TypeScript, as far as messages can carry its values. */
export type TypeNode =
  | { readonly kind: 'name'; readonly name: string; readonly args: readonly TypeNode[] }
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  | { readonly kind: 'list'; readonly of: TypeNode }
  | { readonly kind: 'tuple'; readonly items: readonly Parameter[] }
  | { readonly kind: 'object'; readonly fields: readonly Field[]; readonly index: TypeNode | null }
  | { readonly kind: 'union' | 'both'; readonly of: readonly TypeNode[] }
  | { readonly kind: 'strange' }

export interface Field {
  readonly name: string
  readonly isOptional: boolean
  readonly type: TypeNode
}

export interface Parameter extends Field {
  readonly isRest: boolean
}

const STRANGE: TypeNode = { kind: 'strange' }

export function parseType(tokens: TypeTokens): TypeNode {
  tokens.take('|')
  const of = [parseBoth(tokens)]
  while (tokens.take('|')) of.push(parseBoth(tokens))
  // A conditional type: what it comes to is not to be seen here.
  if (tokens.peek() === 'extends') {
    tokens.next()
    parseType(tokens)
    if (tokens.take('?')) {
      parseType(tokens)
      tokens.take(':')
      parseType(tokens)
    }
    return STRANGE
  }
  return of.length === 1 && of[0] !== undefined ? of[0] : { kind: 'union', of }
}

function parseBoth(tokens: TypeTokens): TypeNode {
  tokens.take('&')
  const of = [parseSuffixed(tokens)]
  while (tokens.take('&')) of.push(parseSuffixed(tokens))
  return of.length === 1 && of[0] !== undefined ? of[0] : { kind: 'both', of }
}

function parseSuffixed(tokens: TypeTokens): TypeNode {
  let type = parseSingle(tokens)
  while (tokens.take('[')) {
    if (tokens.take(']')) type = { kind: 'list', of: type }
    else {
      tokens.skipBrackets()
      type = STRANGE
    }
  }
  return type
}

function parseSingle(tokens: TypeTokens): TypeNode {
  const token = tokens.next()
  if (token === 'readonly') return parseSuffixed(tokens)
  if (['keyof', 'unique', 'typeof', 'infer', 'asserts'].includes(token)) {
    parseSuffixed(tokens)
    return STRANGE
  }
  if (token === 'new' || token === 'abstract') return parseSingle(tokens)
  if (token === '(') return parseParenthesis(tokens)
  if (token === '<') return parseGenericFunction(tokens)
  if (token === '[') return { kind: 'tuple', items: parseParameters(tokens, ']') }
  if (token === '{') return parseObject(tokens)
  if (token === '-') return { kind: 'literal', value: -Number(tokens.next()) }
  return literalIn(token) ?? parseName(token, tokens)
}

function literalIn(token: string): TypeNode | undefined {
  const [first = ''] = token
  if (first === '"') return { kind: 'literal', value: String(JSON.parse(token)) }
  if (first === "'")
    return { kind: 'literal', value: token.slice(1, -1).replaceAll(/\\(.)/g, '$1') }
  if (first === '`') return { kind: 'name', name: 'string', args: [] }
  if (/\d/.test(first)) return { kind: 'literal', value: Number(token.replace(/n$/, '')) }
  if (token === 'true' || token === 'false') return { kind: 'literal', value: token === 'true' }
  return undefined
}

/** `import("celery-toolbox").Task<…>` is `Task` here, as is `z.Task`. */
function parseName(token: string, tokens: TypeTokens): TypeNode {
  let name = token
  if (token === 'import' && tokens.take('(')) tokens.skipBrackets()
  while (tokens.take('.')) name = tokens.next()
  const args: TypeNode[] = []
  if (tokens.take('<')) {
    while (!tokens.isAtEnd && !tokens.take('>')) {
      args.push(parseType(tokens))
      tokens.take(',')
    }
  }
  // `value is string`, of a function that checks.
  if (tokens.take('is')) parseType(tokens)
  return { kind: 'name', name, args }
}

function parseGenericFunction(tokens: TypeTokens): TypeNode {
  tokens.skipBrackets()
  tokens.take('(')
  tokens.skipBrackets()
  if (tokens.take('=>')) parseType(tokens)
  return STRANGE
}

function parseParenthesis(tokens: TypeTokens): TypeNode {
  const start = tokens.position
  tokens.skipBrackets()
  if (tokens.take('=>')) {
    parseType(tokens)
    return STRANGE
  }
  tokens.back(start)
  const inner = parseType(tokens)
  tokens.take(')')
  return inner
}

/** `name?: type`, `...name: type`, or types alone. */
function parseParameters(tokens: TypeTokens, end: string): readonly Parameter[] {
  const items: Parameter[] = []
  while (!tokens.isAtEnd && !tokens.take(end)) {
    items.push(parseParameter(tokens, `arg${items.length}`))
    tokens.take(',')
  }
  return items
}

function parseParameter(tokens: TypeTokens, unnamed: string): Parameter {
  const isRest = tokens.take('...')
  const isMarked = tokens.peek(1) === '?' && tokens.peek(2) === ':'
  const hasName = /^[\w$]+$/.test(tokens.peek()) && (isMarked || tokens.peek(1) === ':')
  const name = hasName ? tokens.next() : unnamed
  if (hasName) {
    tokens.take('?')
    tokens.take(':')
  }
  const type = parseType(tokens)
  const isOptional = isMarked || tokens.take('?')
  return { name, isOptional, isRest, type: isRest ? itemOf(type) : type }
}

function itemOf(type: TypeNode): TypeNode {
  if (type.kind === 'list') return type.of
  return type.kind === 'name' ? (type.args[0] ?? STRANGE) : STRANGE
}

export function parseObject(tokens: TypeTokens): TypeNode {
  const fields: Field[] = []
  let index: TypeNode | null = null
  while (!tokens.isAtEnd && !tokens.take('}')) {
    const member = parseMember(tokens)
    if (member !== undefined && 'name' in member) fields.push(member)
    else index = member?.index ?? index
  }
  return { kind: 'object', fields, index }
}

/** A field, an index signature, or nothing that messages carry. */
function parseMember(tokens: TypeTokens): Field | { readonly index: TypeNode } | undefined {
  if (tokens.peek() === 'readonly' && ![':', '?', '('].includes(tokens.peek(1))) tokens.next()
  const name = tokens.next()
  if (name === '[') {
    tokens.skipBrackets()
    tokens.take('?')
    return tokens.take(':') ? { index: parseType(tokens) } : undefined
  }
  if (name === '(' || tokens.peek() === '(' || tokens.peek() === '<') {
    skipMember(tokens)
    return undefined
  }
  const isOptional = tokens.take('?')
  return tokens.take(':') ? { name: plain(name), isOptional, type: parseType(tokens) } : undefined
}

/** A method: messages carry none. */
function skipMember(tokens: TypeTokens): void {
  while (!tokens.isAtEnd && tokens.peek() !== ';' && tokens.peek() !== '}') {
    if ('([{<'.includes(tokens.next())) tokens.skipBrackets()
  }
}

function plain(name: string): string {
  return /^["']/.test(name) ? name.slice(1, -1) : name
}
