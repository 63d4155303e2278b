import { maskValue } from '../../config/masking.ts'
import { ConfigurationError } from '../../errors.ts'
import { textOfError } from '../../text-of-error.ts'
import { type Codec, raw, text } from '../codecs/codec.ts'
import { json } from '../codecs/json.ts'
import { msgpack } from '../codecs/msgpack.ts'

/** The kwargs of a part in a block file: read by name, so that what is left over is a mistake. */
export class Fields {
  readonly #kwargs: Readonly<Record<string, unknown>>
  readonly #read = new Set<string>(['operator'])
  /** By the first name of a field: the one that the file uses. */
  readonly #names = new Map<string, string>()

  constructor(kwargs: Readonly<Record<string, unknown>>) {
    this.#kwargs = kwargs
  }

  /** The first of these names that is given; they are one field, and errors name the one that the file uses. */
  get(...names: readonly [string, ...string[]]): unknown {
    for (const name of names) this.#read.add(name)
    const used = names.find((name) => this.#kwargs[name] !== undefined)
    if (used === undefined) return undefined
    this.#names.set(names[0], used)
    return this.#kwargs[used]
  }

  text(...names: readonly [string, ...string[]]): string | undefined {
    const value = this.get(...names)
    if (value === undefined || typeof value === 'string') return value
    const used = this.#nameOf(names[0])
    throw new FieldError(used, `is ${JSON.stringify(maskValue(used, value))}, expected a text`)
  }

  required(...names: readonly [string, ...string[]]): string {
    const value = this.text(...names)
    if (value !== undefined && value !== '') return value
    throw new FieldError(this.#nameOf(names[0]), 'is missing')
  }

  number(name: string): number | undefined {
    const value = this.get(name)
    if (value === undefined || typeof value === 'number') return value
    throw new FieldError(name, `is ${JSON.stringify(value)}, expected a number`)
  }

  flag(name: string): boolean | undefined {
    const value = this.get(name)
    if (value === undefined || typeof value === 'boolean') return value
    throw new FieldError(name, `is ${JSON.stringify(value)}, expected true or false`)
  }

  codec(): Codec {
    const name = this.text('codec') ?? 'raw'
    const make = CODECS[name]
    if (make !== undefined) return make()
    throw new FieldError('codec', `is "${name}", expected one of ${Object.keys(CODECS).join(', ')}`)
  }

  /** Makes the part; where its error names no option, the mistake is this field's. */
  made<Part>(name: string, make: () => Part): Part {
    try {
      return make()
    } catch (cause) {
      if (cause instanceof FieldError) throw cause
      const option = cause instanceof ConfigurationError ? cause.option : undefined
      throw refused(this.#nameOf(option ?? name), cause)
    }
  }

  #nameOf(field: string): string {
    return this.#names.get(field) ?? field
  }

  /** Refuses what no one has asked for. */
  end(): void {
    const unknown = Object.keys(this.#kwargs).find((name) => !this.#read.has(name))
    if (unknown === undefined) return
    const known = [...this.#read].filter((name) => name !== 'operator')
    throw new FieldError(unknown, `is not a field of this part; it has ${known.join(', ')}`)
  }
}

/** A mistake in one field of a part. */
export class FieldError extends Error {
  readonly field: string

  constructor(field: string, problem: string, options?: ErrorOptions) {
    super(`kwargs.${field} ${problem}`, options)
    this.field = field
  }
}

function refused(field: string, cause: unknown): FieldError {
  return new FieldError(field, `is refused: ${textOfError(cause)}`, { cause })
}

const CODECS: Readonly<Record<string, () => Codec>> = { raw, text, json, msgpack }
