import { textOfError } from '../../text-of-error.ts'
import { type Codec, raw, text } from '../codecs/codec.ts'
import { json } from '../codecs/json.ts'
import { msgpack } from '../codecs/msgpack.ts'

/** The kwargs of a part in a block file: read by name, so that what is left over is a mistake. */
export class Fields {
  readonly #kwargs: Readonly<Record<string, unknown>>
  readonly #read = new Set<string>(['operator'])

  constructor(kwargs: Readonly<Record<string, unknown>>) {
    this.#kwargs = kwargs
  }

  /** The first of these names that is given. */
  get(...names: readonly string[]): unknown {
    for (const name of names) this.#read.add(name)
    return names.map((name) => this.#kwargs[name]).find((value) => value !== undefined)
  }

  text(...names: readonly string[]): string | undefined {
    const value = this.get(...names)
    if (value === undefined || typeof value === 'string') return value
    throw new FieldError(names[0] ?? '', `is ${JSON.stringify(value)}, expected a text`)
  }

  required(...names: readonly string[]): string {
    const value = this.text(...names)
    if (value !== undefined && value !== '') return value
    throw new FieldError(names[0] ?? '', 'is missing')
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

  /** Makes the part; what it refuses in itself is the mistake of this field. */
  made<Part>(name: string, make: () => Part): Part {
    try {
      return make()
    } catch (cause) {
      if (cause instanceof FieldError) throw cause
      throw refused(name, cause)
    }
  }

  /** Refuses what no one has asked for. */
  end(): void {
    const unknown = Object.keys(this.#kwargs).find((name) => !this.#read.has(name))
    if (unknown === undefined) return
    const known = [...this.#read].filter((name) => name !== 'operator')
    throw new FieldError(unknown, `is no field of this part; it has ${known.join(', ')}`)
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
