/** Where the reader of a Python literal stands in its text. */
export class LiteralCursor {
  readonly text: string
  /** The words that are values: Python's True, False, None or JSON's. */
  readonly names: ReadonlyMap<string, unknown>
  at = 0

  constructor(text: string, names: ReadonlyMap<string, unknown>) {
    this.text = text
    this.names = names
  }

  /** The character ahead; '' at the end. */
  get peek(): string {
    return this.text.charAt(this.at)
  }

  get isAtEnd(): boolean {
    return this.at >= this.text.length
  }

  get isAtLineEnd(): boolean {
    return this.isAtEnd || /[\n\r#]/.test(this.peek)
  }

  next(): string {
    const character = this.peek
    this.at += 1
    return character
  }

  take(character: string): boolean {
    if (this.peek !== character) return false
    this.at += 1
    return true
  }

  expect(character: string): void {
    if (!this.take(character)) throw this.unexpected(`"${character}"`)
  }

  looksAt(sticky: RegExp): boolean {
    sticky.lastIndex = this.at
    return sticky.test(this.text)
  }

  match(sticky: RegExp): string | undefined {
    sticky.lastIndex = this.at
    const found = sticky.exec(this.text)?.[0]
    if (found !== undefined) this.at += found.length
    return found
  }

  /** Spaces within a line; a backslash joins lines. */
  skipBlanks(): void {
    this.match(/(?:[ \t\f]|\\\r?\n)*/y)
  }

  /** Spaces, line ends and comments, as between brackets. */
  skipLines(): void {
    this.match(/(?:[ \t\f\r\n]|\\\r?\n|#[^\n]*)*/y)
  }

  unexpected(expected: string, at: number = this.at): SyntaxError {
    const found = at >= this.text.length ? 'the end' : `"${[...this.text.slice(at, at + 2)][0]}"`
    return new SyntaxError(`found ${found} at position ${at}, expected ${expected}`)
  }
}
