import { ProtocolError } from '../../errors.ts'
import { invalidField, isRecord, type Source } from '../field-readers.ts'
import { checkSignature, readSignature } from '../signatures.ts'
import type { Embed, SignatureDict } from './task-request.ts'

/** What follows a task; `fault` says what is wrong with it, where Python would store FAILURE for it. */
interface EmbedReading {
  readonly embed: Embed
  readonly fault?: ProtocolError
}

const NOTHING: EmbedReading = {
  embed: { callbacks: null, errbacks: null, chain: null, chord: null },
}

/** Reads the third element of a body. What can be read is kept beside a fault, so that errbacks still run. */
export function readEmbed(embed: unknown): EmbedReading {
  if (embed === null || (Array.isArray(embed) && embed.length === 0)) return NOTHING
  if (!isRecord(embed)) throw invalidField('embed', embed, 'an object')
  return hasContent(embed) ? readContent(embed) : emptyLike(embed)
}

function hasContent({ callbacks, errbacks, chain, chord }: Source): boolean {
  return Boolean(callbacks) || Boolean(errbacks) || Boolean(chain) || Boolean(chord)
}

/** An empty list stays one: a retry sends the same message again. */
function emptyLike({ callbacks, errbacks, chain }: Source): EmbedReading {
  if (!(Array.isArray(callbacks) || Array.isArray(errbacks) || Array.isArray(chain))) return NOTHING
  const emptyOf = (list: unknown): [] | null => (Array.isArray(list) ? [] : null)
  return {
    embed: {
      callbacks: emptyOf(callbacks),
      errbacks: emptyOf(errbacks),
      chain: emptyOf(chain),
      chord: null,
    },
  }
}

function readContent(source: Source): EmbedReading {
  const faults: ProtocolError[] = []
  const read = <T>(part: () => T): T | null => {
    try {
      return part()
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      faults.push(error)
      return null
    }
  }
  const embed: Embed = {
    callbacks: read(() => signaturesToRun('callbacks', source.callbacks)),
    errbacks: read(() => errbacksOf(source.errbacks)),
    chain: read(() => signaturesToRun('chain', source.chain)),
    chord: read(() => (source.chord ? readSignature(source.chord, 'chord') : null)),
  }
  const [fault] = faults
  return fault === undefined ? { embed } : { embed, fault }
}

function signaturesToRun(field: string, value: unknown): readonly SignatureDict[] | null {
  if (value === null || value === undefined) return null
  if (!Array.isArray(value)) throw invalidField(field, value, 'a list of signatures')
  return value.map((item, index) => {
    checkSignature(item, `${field}[${index}]`)
    return readSignature(item, `${field}[${index}]`)
  })
}

/** Errbacks are not used while a task succeeds, so these are read as generously as possible. */
function errbacksOf(value: unknown): readonly SignatureDict[] | null {
  if (value === null || value === undefined) return null
  if (!Array.isArray(value)) return [readSignature(value, 'errbacks')]
  return value.map((item, index) => readSignature(item, `errbacks[${index}]`))
}
