import { createHash } from 'node:crypto'

/** As deep as a body may be. */
const DEEPEST = 900
/** Of a value that shares itself without end, so much is looked at. */
const MOST_CHARACTERS = 64 * 1024 * 1024

/** Equal for equal values, so that each is compared with few others only; a digest, as a hundred thousand texts take much memory. */
export function likenessOf(value: unknown): string {
  return new Likeness().of(value)
}

class Likeness {
  readonly #hash = createHash('sha1')
  #text = ''
  #left = MOST_CHARACTERS

  of(value: unknown): string {
    this.#write(value, DEEPEST)
    return this.#hash.update(this.#text).digest('base64')
  }

  #write(value: unknown, depth: number): void {
    if (this.#left <= 0) return
    if (typeof value !== 'object' || value === null) {
      // With its length, so that no text is taken for several.
      const text = String(value)
      this.#add(`${typeof value} ${text.length} ${text}`)
    } else if (depth === 0) this.#add('deeper')
    else if (Array.isArray(value)) this.#writeItems(value, depth - 1)
    else this.#writeDict(value, depth - 1)
  }

  #writeItems(items: readonly unknown[], depth: number): void {
    this.#add(`list ${items.length}`)
    for (const item of items) this.#write(item, depth)
  }

  /** In the order of its keys, which is no difference; of what keeps its value elsewhere, as a Date does, the class. */
  #writeDict(dict: object, depth: number): void {
    const keys = Object.keys(dict).sort((one, other) => (one < other ? -1 : 1))
    this.#add(`${Object.prototype.toString.call(dict)} ${keys.length}`)
    for (const key of keys) {
      this.#add(key)
      this.#write((dict as Readonly<Record<string, unknown>>)[key], depth)
    }
  }

  #add(text: string): void {
    this.#left -= text.length
    this.#text += `${text};`
    if (this.#text.length < 65_536) return
    this.#hash.update(this.#text)
    this.#text = ''
  }
}
