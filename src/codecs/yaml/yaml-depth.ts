/** The library's marker: the next token is the text of a scalar without quotes. */
export const SCALAR = '\u001f'
/** Its other markers, which stand for no character either: a document, and the end of a broken list. */
const MARKERS: ReadonlySet<string> = new Set([SCALAR, '\u0002', '\u0018'])
const LAYOUT = /^\s*$/

/** How many characters of the text a token stands for. */
export function widthOf(token: string): number {
  return MARKERS.has(token) ? 0 : token.length
}

/**
 * How deep lists and dicts hold each other, by the tokens of a text. The library's parser calls itself for each level; where that
 * fills the stack, V8 may end the process, as it does when it has no room to compile a pattern.
 */
export class YamlDepth {
  #flow = 0
  /** Lists and dicts that are made of lines, from the outermost on, by the columns where they begin. */
  #blocks: { readonly column: number; readonly kind: 'list' | 'dict' }[] = []
  #column = 0
  /** Where the key of the next colon begins. */
  #keyColumn: number | undefined
  #isScalar = false

  /** The levels that are open after this token. */
  take(token: string): number {
    if (MARKERS.has(token)) this.#isScalar = token === SCALAR
    else {
      const column = this.#column
      this.#advance(token)
      this.#look(token, column)
      this.#isScalar = false
    }
    return this.#flow + this.#blocks.length
  }

  #advance(token: string): void {
    const line = token.lastIndexOf('\n')
    this.#column = line < 0 ? this.#column + token.length : token.length - line - 1
  }

  #look(token: string, column: number): void {
    if (this.#isScalar) this.#keyColumn ??= column
    else if (LAYOUT.test(token)) this.#lookAtLayout(token)
    else if (this.#flow > 0 || token === '[' || token === '{') this.#lookInFlow(token, column)
    else this.#lookAtSign(token, column)
  }

  #lookAtLayout(token: string): void {
    if (token.includes('\n')) this.#keyColumn = undefined
  }

  #lookAtSign(sign: string, column: number): void {
    if (sign === '-') this.#open(column, 'list')
    else if (sign === '?') this.#open(column, 'dict')
    else if (sign === ':') this.#open(this.#keyColumn ?? column, 'dict')
    else if (sign === '---' || sign === '...') this.#blocks = []
    else this.#keyColumn ??= column
  }

  #lookInFlow(token: string, column: number): void {
    this.#keyColumn ??= column
    if (token === '[' || token === '{') this.#flow += 1
    if (token === ']' || token === '}') this.#flow -= 1
  }

  #open(column: number, kind: 'list' | 'dict'): void {
    this.#keyColumn = undefined
    let last = this.#blocks.at(-1)
    while (last !== undefined && last.column > column) {
      this.#blocks.pop()
      last = this.#blocks.at(-1)
    }
    // The items of a list may begin where the key does that holds it; the next key ends the list.
    if (last?.column === column && last.kind === 'list' && kind === 'dict') {
      this.#blocks.pop()
      last = this.#blocks.at(-1)
    }
    if (last?.column !== column || last.kind !== kind) this.#blocks.push({ column, kind })
  }
}
