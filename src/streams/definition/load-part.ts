import { parseDefinition } from '../../definitions/parse.ts'
import { ConfigurationError } from '../../errors.ts'
import { textOfError } from '../../text-of-error.ts'
import type { ListenerLike } from '../parts/listener.ts'
import type { PublisherLike } from '../parts/publisher.ts'
import { Fields } from './fields.ts'
import { LISTENERS, PUBLISHERS, shortNameOf } from './short-names.ts'

/** A listener from the text of one part, such as `{ class: zmq, kwargs: { address: … } }`, read as raw bytes. */
export function listenerOf(text: string, place: string): ListenerLike {
  return made(text, place, LISTENERS)
}

/** The same of a publisher. */
export function publisherOf(text: string, place: string): PublisherLike {
  return made(text, place, PUBLISHERS)
}

function made<Part>(
  text: string,
  place: string,
  makers: Readonly<Record<string, (fields: Fields, app: undefined) => Part>>,
): Part {
  const { value } = parseDefinition(text, place)
  const { class: name, kwargs = {} } = (value ?? {}) as {
    readonly class?: unknown
    readonly kwargs?: Readonly<Record<string, unknown>>
  } // each is checked
  const make = typeof name === 'string' ? makers[shortNameOf(name)] : undefined
  if (make === undefined) {
    throw new ConfigurationError(
      `${place}: class is ${JSON.stringify(name)}, expected one of ${Object.keys(makers).join(', ')}`,
    )
  }
  try {
    const fields = new Fields(kwargs)
    const part = make(fields, undefined)
    fields.end()
    return part
  } catch (cause) {
    throw unusable(`${place}: ${textOfError(cause)}`, cause)
  }
}

function unusable(problem: string, cause: unknown): ConfigurationError {
  return new ConfigurationError(problem, { cause })
}
