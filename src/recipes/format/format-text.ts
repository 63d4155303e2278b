import { FormatError } from './format-error.ts'

/** A piece of a format string: text, then perhaps a field. */
interface FormatPiece {
  readonly literal: string
  readonly field: FormatField | null
}

export interface FormatField {
  /** `name[key][0].attribute`, as written. */
  readonly name: string
  /** `r`, `s` or `a`; null without one. Any other letter is refused where it is used. */
  readonly conversion: string | null
  /** What follows the colon; may hold fields of its own. */
  readonly spec: string
}

/**
 * Cuts a format string into pieces, with Python's rules and Python's errors
 * (https://docs.python.org/3/library/string.html#format-string-syntax).
 */
export function* formatPieces(text: string): Generator<FormatPiece> {
  const reader = new FormatReader(text)
  for (let piece = reader.next(); piece !== null; piece = reader.next()) yield piece
}

class FormatReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  next(): FormatPiece | null {
    const text = this.#text
    if (this.#at >= text.length) return null
    const brace = nextBrace(text, this.#at)
    const start = this.#at
    if (brace < 0) {
      this.#at = text.length
      return { literal: text.slice(start), field: null }
    }
    this.#at = brace + 1
    const isDoubled = text[brace] === text[brace + 1]
    if (isDoubled) {
      this.#at += 1
      return { literal: text.slice(start, brace + 1), field: null }
    }
    if (text[brace] === '}') throw this.#fault("Single '}' encountered in format string", brace)
    if (this.#at >= text.length) {
      throw this.#fault("Single '{' encountered in format string", brace)
    }
    return { literal: text.slice(start, brace), field: this.#field() }
  }

  #field(): FormatField {
    const start = this.#at
    const end = this.#endOfName()
    const name = this.#text.slice(start, end)
    const mark = this.#text[end]
    this.#at = end + 1
    if (mark === '}') return { name, conversion: null, spec: '' }
    if (mark === ':') return { name, conversion: null, spec: this.#spec() }
    return this.#converted(name)
  }

  #endOfName(): number {
    for (let at = this.#at; at < this.#text.length; at += 1) {
      const character = this.#text[at]
      if (character === '{') throw this.#fault("unexpected '{' in field name", at)
      if (character === '}' || character === ':' || character === '!') return at
      // The text in brackets is a key, even with dots or braces in it.
      if (character === '[') at = this.#closingBracket(at)
    }
    throw this.#fault("expected '}' before end of string", this.#text.length)
  }

  #closingBracket(open: number): number {
    const close = this.#text.indexOf(']', open)
    if (close < 0) throw this.#fault("expected '}' before end of string", this.#text.length)
    return close
  }

  #converted(name: string): FormatField {
    const conversion = String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0)
    if (this.#at >= this.#text.length) {
      throw this.#fault('end of string while looking for conversion specifier', this.#at)
    }
    this.#at += conversion.length
    const mark = this.#text[this.#at]
    this.#at += 1
    if (mark === '}') return { name, conversion, spec: '' }
    if (mark !== undefined && mark !== ':') {
      throw this.#fault("expected ':' after conversion specifier", this.#at - 1)
    }
    return { name, conversion, spec: this.#spec() }
  }

  #spec(): string {
    const start = this.#at
    let depth = 1
    for (; this.#at < this.#text.length; this.#at += 1) {
      const character = this.#text[this.#at]
      if (character === '{') depth += 1
      if (character === '}') depth -= 1
      if (depth === 0) {
        this.#at += 1
        return this.#text.slice(start, this.#at - 1)
      }
    }
    throw this.#fault("unmatched '{' in format spec", this.#text.length)
  }

  #fault(reason: string, position: number): FormatError {
    return new FormatError('ValueError', reason, position)
  }
}

function nextBrace(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === 0x7b || code === 0x7d) return at
  }
  return -1
}
