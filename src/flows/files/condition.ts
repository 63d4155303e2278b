/** A condition of a flow file: symbols, constants, comparisons, `and`, `or`, `not` and parentheses. Nothing is executed. */
interface Condition {
  readonly symbols: readonly string[]
  holds(values: Readonly<Record<string, unknown>>): boolean
}

type Values = Readonly<Record<string, unknown>>
type Part = (values: Values) => unknown

const TOKEN =
  /\s*(?:(\$[A-Za-z_]\w*)|(-?\d+(?:\.\d+)?)|"((?:[^"\\]|\\.)*)"|'([^']*)'|(==|!=|>=|<=|>|<|\(|\))|([A-Za-z]+))/y
const LONGEST = 1000

/** Throws a SyntaxError that shows what was expected. */
export function parseCondition(text: string): Condition {
  if (text.length > LONGEST) throw new SyntaxError(`a condition has at most ${LONGEST} characters`)
  const parser = new Parser(tokensOf(text))
  const part = parser.either()
  parser.end()
  return { symbols: parser.symbols, holds: (values) => isTrue(part(values)) }
}

class Parser {
  readonly #tokens: readonly Token[]
  readonly #symbols = new Set<string>()
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get symbols(): string[] {
    return [...this.#symbols]
  }

  either(): Part {
    const parts = [this.#both()]
    while (this.#take('or')) parts.push(this.#both())
    return parts.length === 1
      ? (parts[0] as Part)
      : (values) => parts.some((part) => isTrue(part(values)))
  }

  end(): void {
    const token = this.#tokens[this.#at]
    if (token !== undefined) throw new SyntaxError(`"${token.text}" is not expected here`)
  }

  #both(): Part {
    const parts = [this.#not()]
    while (this.#take('and')) parts.push(this.#not())
    return parts.length === 1
      ? (parts[0] as Part)
      : (values) => parts.every((part) => isTrue(part(values)))
  }

  #not(): Part {
    if (!this.#take('not')) return this.#comparison()
    const part = this.#not()
    return (values) => !isTrue(part(values))
  }

  #comparison(): Part {
    const left = this.#operand()
    const token = this.#tokens[this.#at]
    const compare = token?.kind === 'word' ? COMPARE[token.text] : undefined
    if (compare === undefined) return left
    this.#at += 1
    const right = this.#operand()
    return (values) => compare(left(values), right(values))
  }

  #operand(): Part {
    if (this.#take('(')) {
      const part = this.either()
      if (!this.#take(')')) throw new SyntaxError('")" is missing')
      return part
    }
    const token = this.#tokens[this.#at]
    this.#at += 1
    if (token?.kind === 'symbol') {
      const { text } = token
      this.#symbols.add(text)
      return (values) => values[text]
    }
    if (token?.kind === 'value') return () => token.value
    if (token !== undefined && Object.hasOwn(WORDS, token.text)) return () => WORDS[token.text]
    throw new SyntaxError(
      `expected a $symbol or a value, found ${token === undefined ? 'the end' : `"${token.text}"`}`,
    )
  }

  #take(word: string): boolean {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'word' || token.text !== word) return false
    this.#at += 1
    return true
  }
}

type Token =
  | { readonly kind: 'symbol' | 'word'; readonly text: string }
  | { readonly kind: 'value'; readonly text: string; readonly value: unknown }

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  while (text.slice(TOKEN.lastIndex).trim() !== '') {
    const at = TOKEN.lastIndex
    const match = TOKEN.exec(text)
    if (match === null)
      throw new SyntaxError(
        `"${text.slice(at).trim()}" cannot be read, expected a $symbol, a value or an operator`,
      )
    tokens.push(tokenOf(match))
  }
  return tokens
}

function tokenOf([, symbol, number, double, single, sign, word]: RegExpExecArray): Token {
  if (symbol !== undefined) return { kind: 'symbol', text: symbol.slice(1) }
  if (number !== undefined) return { kind: 'value', text: number, value: Number(number) }
  if (double !== undefined)
    return { kind: 'value', text: double, value: double.replace(/\\(.)/g, '$1') }
  if (single !== undefined) return { kind: 'value', text: single, value: single }
  return { kind: 'word', text: sign ?? word ?? '' }
}

const WORDS: Readonly<Record<string, unknown>> = { true: true, false: false, null: null }

const COMPARE: Readonly<Record<string, (left: unknown, right: unknown) => boolean>> = {
  '==': (left, right) => left === right,
  '!=': (left, right) => left !== right,
  '>': (left, right) => inOrder(right, left, false),
  '<': (left, right) => inOrder(left, right, false),
  '>=': (left, right) => inOrder(right, left, true),
  '<=': (left, right) => inOrder(left, right, true),
}

/** Numbers and texts among themselves; everything else is in no order. */
function inOrder(less: unknown, more: unknown, isEqualMeant: boolean): boolean {
  const areAlike =
    (typeof less === 'number' && typeof more === 'number') ||
    (typeof less === 'string' && typeof more === 'string')
  return areAlike && (less < more || (isEqualMeant && less === more))
}

function isTrue(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value)
}
