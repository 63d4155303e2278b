import type { CeleryEvent } from '../../protocol/events.ts'
import { type EventEntry, textOf } from './event-entry.ts'

/** What a worker tells of itself: a row of monitor.worker. */
export interface WorkerEntry {
  readonly hostname: string
  readonly atMs: number
  /** A bigint's digits. */
  readonly clock: string | null
  readonly kind: 'online' | 'heartbeat' | 'offline'
  readonly pid: number | null
  readonly software: string | null
  readonly softwareVersion: string | null
  readonly platform: string | null
  readonly everySeconds: number | null
  readonly active: number | null
  readonly processed: number | null
  /** An array of PostgreSQL's, as text. */
  readonly loadAverage: string | null
}

/** Null where the event is none of those that each worker sends. */
export function workerEntry(event: CeleryEvent, entry: EventEntry): WorkerEntry | null {
  const kind = KINDS.get(event.type)
  if (kind === undefined || entry.hostname === null) return null
  return {
    hostname: entry.hostname,
    atMs: entry.happenedAtMs,
    clock: entry.clock,
    kind,
    pid: countOf(event.pid, 2 ** 31),
    software: textOf(event.sw_ident),
    softwareVersion: textOf(event.sw_ver),
    platform: textOf(event.sw_sys),
    everySeconds: secondsOf(event.freq),
    active: countOf(event.active, 2 ** 31),
    processed: countOf(event.processed, Number.MAX_SAFE_INTEGER),
    loadAverage: loadOf(event.loadavg),
  }
}

const KINDS: ReadonlyMap<string, WorkerEntry['kind']> = new Map([
  ['worker-online', 'online'],
  ['worker-heartbeat', 'heartbeat'],
  ['worker-offline', 'offline'],
] as const)

function countOf(value: unknown, limit: number): number | null {
  return Number.isSafeInteger(value) && Math.abs(Number(value)) < limit ? Number(value) : null
}

/** Silence is reckoned from it, in intervals of PostgreSQL's, which have an end. */
function secondsOf(value: unknown): number | null {
  return typeof value === 'number' && value > 0 && value <= LONGEST_SILENCE_S ? value : null
}

const LONGEST_SILENCE_S = 86_400

function loadOf(value: unknown): string | null {
  if (!Array.isArray(value) || value.length === 0 || value.length > 16) return null
  return value.every(Number.isFinite) ? `{${value.join(',')}}` : null
}
