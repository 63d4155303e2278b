import { randomUUID } from 'node:crypto'
import { constants, copyFile, link, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { indentedJson } from '../../../codecs/json/indented-json.ts'
import { Float } from '../../../codecs/values.ts'
import type { TransportHeader } from '../../../recipes/transport/transport.ts'

/** A dead letter in a file, and what is said of it. */
interface StoredLetter {
  readonly path: string
  readonly date: Date
}

/**
 * Writes `DIR/YYYY-MM-DD/msg-YYYYMMDD-HHMMSS-mmm-ID` by the time of death, under a name that no other letter has; it is
 * there as a whole or not at all.
 */
export async function storeLetter(
  location: string,
  header: TransportHeader,
  message: unknown,
): Promise<StoredLetter> {
  const date = timeOfDeath(header)
  const folder = join(location, dayOf(date))
  await mkdir(folder, { recursive: true })
  const id = String(header['message-id']).replaceAll(/[^a-zA-Z0-9._-]+/g, '_')
  const compact = `${dayOf(date)}-${clockOf(date)}`.replaceAll(/[-:]/g, '')
  const stamp = `${compact.slice(0, 8)}-${compact.slice(8)}-${milliseconds(date)}`
  const text = indentedJson(letterOf(header, message), { sortKeys: true })
  const path = await written(join(folder, `msg-${stamp}-${id}`), text)
  return { path, date }
}

export function whenOf(date: Date): string {
  return `${dayOf(date)} ${clockOf(date)}`
}

function letterOf(header: TransportHeader, message: unknown): object {
  const now = new Date()
  const exported = { date: dayOf(now), time: clockOf(now) }
  const parts = { exported, header: withSeconds(header) }
  if (!(message instanceof Uint8Array)) return { ...parts, message }
  // No JSON: it is sent back as it was.
  const text = Buffer.from(message)
  const isText = text.equals(Buffer.from(text.toString('utf8')))
  const encoding = isText ? 'text' : 'base64'
  return { ...parts, encoding, message: text.toString(isText ? 'utf8' : 'base64') }
}

function timeOfDeath(header: TransportHeader): Date {
  const deaths = header['x-death']
  const first: unknown = Array.isArray(deaths) ? deaths[0] : undefined
  const time =
    typeof first === 'object' && first !== null && 'time' in first ? first.time : undefined
  // Where headers are JSON, the time is a text.
  const date = new Date(typeof time === 'string' ? time : Number.NaN)
  if (time instanceof Date) return time
  return Number.isNaN(date.getTime()) ? new Date() : date
}

/** Dates as seconds, floats as Python writes them; they have no form in JSON. */
function withSeconds(value: unknown): unknown {
  if (value instanceof Date) return new Float(Math.floor(value.getTime() / 1000))
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(withSeconds)
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withSeconds(item)]))
}

/** Under a temporary name first; one that is taken, also by another process at this moment, gets a number. */
async function written(wanted: string, text: string): Promise<string> {
  const draft = `${wanted}.${randomUUID()}.tmp`
  const file = await open(draft, 'wx')
  try {
    await file.writeFile(text)
    await file.sync()
    await file.close()
    let path = wanted
    for (let count = 2; !(await isClaimed(draft, path)); count += 1) path = `${wanted}-${count}`
    return path
  } finally {
    await file.close().catch(() => undefined)
    await rm(draft, { force: true })
  }
}

/** A second name for the file, which no other file has: a rename would replace it. */
async function isClaimed(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path)
    return true
  } catch (cause) {
    if (!isSystemError(cause)) throw cause
    if (cause.code === 'EEXIST') return false
    if (!WITHOUT_LINKS.has(cause.code)) throw cause
    return await isCopied(draft, path)
  }
}

const WITHOUT_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'ENOSYS'])

async function isCopied(draft: string, path: string): Promise<boolean> {
  try {
    await copyFile(draft, path, constants.COPYFILE_EXCL)
    return true
  } catch (cause) {
    if (isSystemError(cause) && cause.code === 'EEXIST') return false
    throw cause
  }
}

function isSystemError(cause: unknown): cause is Error & { readonly code: string } {
  return cause instanceof Error && 'code' in cause
}

function dayOf(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

function clockOf(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
}

function milliseconds(date: Date): string {
  return String(date.getMilliseconds()).padStart(3, '0')
}

function two(number: number): string {
  return String(number).padStart(2, '0')
}
