import type { CeleryEvent } from '../../../src/protocol/events/events.ts'
import type { Message, Route } from '../../../src/protocol/message.ts'
import type { TaskCall } from '../../../src/protocol/tasks/task-request.ts'
import { EXPORT, message } from '../messages.ts'
import type { Random } from './random.ts'

/** A row that a worker leaves in celery_taskmeta. */
export interface ResultRow {
  readonly taskId: string
  readonly status: string
  readonly result: unknown
  readonly traceback: string | null
  readonly doneMs: number
}

/** What is published, and when, by the clock of the story. */
export interface Told<What> {
  readonly atMs: number
  readonly what: What
}

/** Longer than any recording takes, so that no two signs of a worker are equally late, in whatever order they come. */
const SIGN_APART_MS = 5 * 60_000
/** So long ago that none is ahead of the monitor's clock. */
const SIGNS_SINCE_MS = 30 * 86_400_000

/** What happened, as it is told: by messages, by events in both of their ways, and by stored results. */
export class StoryRecord {
  readonly messages: Told<{ readonly message: Message; readonly route: Route }>[] = []
  readonly events: Told<CeleryEvent>[] = []
  /** Of workers whose broker has no exchange for events. */
  readonly platformEvents: Told<CeleryEvent>[] = []
  readonly results: ResultRow[] = []
  tasks = 0
  nowMs: number
  readonly random: Random
  #clock = 0
  #signMs: number

  constructor(startMs: number, random: Random) {
    this.nowMs = startMs
    this.#signMs = Math.floor(startMs) - SIGNS_SINCE_MS
    this.random = random
  }

  newId(kind: string): string {
    this.tasks += 1
    return `${kind}-${this.tasks}-${this.random.integer(0, 2 ** 31)}`
  }

  /** A sign of life of a worker. If several were equally late, its clock would be taken for wrong, and all its times corrected. */
  sign(type: string, fields: object, worker: string): void {
    this.#signMs += SIGN_APART_MS
    this.tell(type, { ...fields, timestamp: this.#signMs / 1000 }, { worker })
  }

  /** Time passes: as little as nothing at all, as clocks have it. */
  wait(): void {
    if (this.random.chance(0.8)) this.nowMs += this.random.integer(1, 9000) / 1000
  }

  publish(call: Partial<TaskCall>, route: Route = EXPORT): void {
    const given = message(call)
    const timestamp = Math.floor(this.nowMs / 1000)
    const dated = this.random.chance(0.5)
      ? { ...given, properties: { ...given.properties, timestamp } }
      : { ...given, headers: { ...given.headers, timestamp_in_ms: Math.floor(this.nowMs) } }
    this.messages.push({ atMs: this.nowMs, what: { message: dated, route } })
    this.wait()
  }

  tell(type: string, fields: object, { worker = 'w1@host', platform = false } = {}): void {
    this.#clock += 1
    const timestamp = Math.round(this.nowMs * 1000) / 1e6
    const stamps = { hostname: worker, utcoffset: 0, pid: 7, clock: this.#clock, timestamp }
    const what = { ...stamps, ...fields, type }
    const told = platform ? this.platformEvents : this.events
    told.push({ atMs: this.nowMs, what })
    this.wait()
  }

  store(taskId: string, status: string, result: unknown, traceback: string | null = null): void {
    // Whichever was first, the storing or the telling: their clocks need not agree.
    const doneMs = Math.floor(this.nowMs) + this.random.integer(-5, 5)
    this.results.push({ taskId, status, result, traceback, doneMs })
  }
}
