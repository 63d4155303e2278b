import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const VECTORS = resolve(import.meta.dirname, '../fixtures/celery')

/** A message as Python Celery sent it. */
export interface RecordedMessage {
  readonly headers: Readonly<Record<string, unknown>>
  readonly properties: Readonly<Record<string, unknown>>
  readonly body: Buffer
}

// biome-ignore lint/suspicious/noExplicitAny: recorded JSON of many shapes
export function vector(name: string): any {
  const text = readFileSync(join(VECTORS, `${name}.json`), 'utf8')
  // Python wrote them, so they may hold NaN and Infinity outside of text; no test looks at those copies.
  return JSON.parse(text.replace(/(?:NaN|-?Infinity)(,?)$/gm, 'null$1'))
}

export function recordedMessage(name: string): RecordedMessage {
  return toMessage(vector(name).message)
}

/** Every recorded message, with the name of its vector. */
export function recordedMessages(): (readonly [name: string, message: RecordedMessage])[] {
  const names = readdirSync(VECTORS).filter(
    (file) => file.endsWith('.json') && file !== 'index.json',
  )
  return names.flatMap((file) => {
    const name = file.slice(0, -'.json'.length)
    return messagesIn(vector(name)).map((message) => [name, message] as const)
  })
}

/** Every pickled column in the vectors, with where it is. */
export function recordedPickles(): (readonly [place: string, bytes: Buffer])[] {
  const names = readdirSync(VECTORS).filter((file) => file.endsWith('.json'))
  return names.flatMap((file) => picklesIn(vector(file.slice(0, -'.json'.length)), file))
}

function picklesIn(value: unknown, place: string): (readonly [string, Buffer])[] {
  if (typeof value !== 'object' || value === null) return []
  if ('bytea_hex' in value && 'pickle_opcodes' in value) {
    return [[place, Buffer.from(String(value.bytea_hex), 'hex')]]
  }
  return Object.entries(value).flatMap(([key, inner]) => picklesIn(inner, `${place} ${key}`))
}

function messagesIn(value: unknown): RecordedMessage[] {
  if (typeof value !== 'object' || value === null) return []
  if ('body' in value && 'headers' in value && 'body_encoding' in value) return [toMessage(value)]
  return Object.values(value).flatMap(messagesIn)
}

// biome-ignore lint/suspicious/noExplicitAny: recorded JSON
function toMessage(recorded: any): RecordedMessage {
  const encoding = recorded.body_encoding === 'base64' ? 'base64' : 'utf8'
  return {
    headers: recorded.headers,
    properties: recorded.properties,
    body: Buffer.from(recorded.body, encoding),
  }
}
