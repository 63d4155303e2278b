import type { CeleryEvent } from '../../protocol/events/events.ts'
import { type EventEntry, eventText } from './event-entry.ts'
import type { WorkerClocks } from './worker-clocks.ts'

/** What a worker says of itself: a row of monitor.worker. */
export interface WorkerEntry {
  readonly hostname: string
  readonly atMs: number
  /** A bigint's digits. */
  readonly clock: string | null
  /** task: an event of a task, which shows that the worker sends events of its tasks at all. */
  readonly kind: 'online' | 'heartbeat' | 'offline' | 'task'
  readonly pid: number | null
  readonly software: string | null
  readonly softwareVersion: string | null
  readonly platform: string | null
  readonly everySeconds: number | null
  readonly active: number | null
  readonly processed: number | null
  /** An array of PostgreSQL's, as text. */
  readonly loadAverage: string | null
  /** How far behind its clock is; null where it is right. */
  readonly driftSeconds: number | null
}

interface WorkerHearing {
  readonly senders: TaskEventSenders
  readonly clocks: WorkerClocks
  /** When it happened, by the monitor's clock. */
  readonly atMs: number
}

/** Null where the event says nothing of the worker that sent it. */
export function workerEntry(
  event: CeleryEvent,
  entry: EventEntry,
  { senders, clocks, atMs }: WorkerHearing,
): WorkerEntry | null {
  const { hostname } = entry
  if (hostname === null) return null
  const kind = KINDS.get(event.type) ?? (senders.isNews(event, hostname) ? 'task' : undefined)
  if (kind === undefined) return null
  const driftSeconds = clocks.driftSeconds(hostname)
  return entryOf(event, entry, { hostname, kind, atMs, driftSeconds })
}

/** That a process sends events of its tasks is written down now and then, not with each of its events. */
export class TaskEventSenders {
  readonly #writtenAtMs = new Map<string, number>()

  isNews({ type, pid }: CeleryEvent, hostname: string): boolean {
    if (!BY_WORKERS.has(type)) return false
    const process = `${countOf(pid, 2 ** 31)} ${hostname}`
    const nowMs = Date.now()
    if (nowMs - (this.#writtenAtMs.get(process) ?? 0) < EVERY_MS) return false
    if (this.#writtenAtMs.size >= MOST) this.#writtenAtMs.clear()
    this.#writtenAtMs.set(process, nowMs)
    return true
  }
}

const EVERY_MS = 10_000
const MOST = 10_000

/** Callers send task-sent, any program may send others. */
const BY_WORKERS: ReadonlySet<string> = new Set([
  'task-received',
  'task-started',
  'task-succeeded',
  'task-failed',
  'task-retried',
  'task-rejected',
  'task-revoked',
])

function entryOf(
  event: CeleryEvent,
  entry: EventEntry,
  known: Pick<WorkerEntry, 'hostname' | 'kind' | 'atMs' | 'driftSeconds'>,
): WorkerEntry {
  return {
    ...known,
    clock: entry.clock,
    pid: countOf(event.pid, 2 ** 31),
    software: eventText(event.sw_ident),
    softwareVersion: eventText(event.sw_ver),
    platform: eventText(event.sw_sys),
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
