const TOKEN =
  /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|=>|\.\.\.|[A-Za-z_$][\w$]*|\d[\d_.eE]*n?|[^\s\w])/g

/** The words and marks of TypeScript, one after the other. */
export class TypeTokens {
  readonly #tokens: readonly string[]
  #at = 0

  constructor(text: string) {
    this.#tokens = [...text.matchAll(TOKEN)].flatMap(([, token]) =>
      token === undefined ? [] : [token],
    )
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#tokens.length
  }

  get position(): number {
    return this.#at
  }

  back(position: number): void {
    this.#at = position
  }

  peek(ahead = 0): string {
    return this.#tokens[this.#at + ahead] ?? ''
  }

  next(): string {
    const token = this.peek()
    this.#at += 1
    return token
  }

  /** Takes the next token where it is this one. */
  take(token: string): boolean {
    if (this.peek() !== token) return false
    this.#at += 1
    return true
  }

  /** Past the bracket that closes the one before. */
  skipBrackets(): void {
    for (let depth = 1; depth > 0 && !this.isAtEnd; ) {
      const token = this.next()
      if ('([{<'.includes(token)) depth += 1
      else if (')]}>'.includes(token)) depth -= 1
    }
  }
}
