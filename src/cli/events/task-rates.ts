import type { CeleryEvent } from '../../protocol/events/events.ts'

/** What one task did in the last so many seconds. */
interface TaskRate {
  /** Ended per second, in any state. */
  readonly rate: number
  /** Seconds from received to started; undefined where none was started. */
  readonly wait: number | undefined
  /** Seconds that it ran; undefined where none succeeded. */
  readonly run: number | undefined
  readonly failures: number
}

/** One task, in each of the spans. */
export interface TaskRow {
  readonly name: string
  readonly spans: readonly TaskRate[]
}

/** Seconds. */
export const SPANS = [5, 30, 300] as const
const LONGEST = Math.max(...SPANS)
/** Tasks that are followed from their arrival on. */
const MOST_FOLLOWED = 100_000
const MOST_NAMES = 10_000

interface Second {
  readonly at: number
  ended: number
  failures: number
  started: number
  waited: number
  succeeded: number
  ran: number
}

interface Followed {
  readonly name: string
  readonly receivedAt: number | undefined
}

/** Counts events by task and second, so that its size depends on neither how many there are nor how long it looks. */
export class TaskRates {
  readonly #now: () => number
  readonly #followed = new Map<string, Followed>()
  readonly #seconds = new Map<string, Second[]>()

  /** `now` in milliseconds. */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  onEvent(event: CeleryEvent): void {
    const { type, uuid, timestamp } = event
    if (typeof uuid !== 'string' || typeof timestamp !== 'number') return
    if (type === 'task-sent' || type === 'task-received') this.#follow(uuid, event)
    else if (type === 'task-started') this.#started(uuid, timestamp)
    else if (ENDS.has(type)) this.#ended(uuid, event)
  }

  /** The busiest first. */
  rows(): readonly TaskRow[] {
    const since = this.#second() - LONGEST
    for (const [name, seconds] of this.#seconds) {
      const left = seconds.filter(({ at }) => at > since)
      if (left.length > 0) this.#seconds.set(name, left)
      else this.#seconds.delete(name)
    }
    const rows = [...this.#seconds].map(([name, seconds]) => ({
      name,
      spans: SPANS.map((span) => rateOf(seconds, this.#second(), span)),
    }))
    return rows.sort(
      (one, other) => rateIn(other) - rateIn(one) || (one.name < other.name ? -1 : 1),
    )
  }

  #follow(uuid: string, { type, name, timestamp }: CeleryEvent): void {
    if (typeof name !== 'string') return
    const receivedAt = type === 'task-received' ? Number(timestamp) : undefined
    this.#followed.delete(uuid)
    this.#followed.set(uuid, { name, receivedAt })
    const [oldest] = this.#followed.keys()
    if (this.#followed.size > MOST_FOLLOWED && oldest !== undefined) this.#followed.delete(oldest)
  }

  #started(uuid: string, timestamp: number): void {
    const { name, receivedAt } = this.#followed.get(uuid) ?? NOT_SEEN
    if (receivedAt === undefined) return
    const second = this.#secondOf(name)
    if (second === undefined) return
    second.started += 1
    second.waited += Math.max(0, timestamp - receivedAt)
  }

  #ended(uuid: string, { type, runtime }: CeleryEvent): void {
    const second = this.#secondOf((this.#followed.get(uuid) ?? NOT_SEEN).name)
    this.#followed.delete(uuid)
    if (second === undefined) return
    second.ended += 1
    if (type === 'task-failed') second.failures += 1
    if (type === 'task-succeeded' && typeof runtime === 'number') {
      second.succeeded += 1
      second.ran += runtime
    }
  }

  #secondOf(name: string): Second | undefined {
    const at = this.#second()
    let seconds = this.#seconds.get(name)
    if (seconds === undefined) {
      if (this.#seconds.size >= MOST_NAMES) return undefined
      seconds = []
      this.#seconds.set(name, seconds)
    }
    const last = seconds.at(-1)
    if (last?.at === at) return last
    const next = { at, ended: 0, failures: 0, started: 0, waited: 0, succeeded: 0, ran: 0 }
    seconds.push(next)
    return next
  }

  #second(): number {
    return Math.floor(this.#now() / 1_000)
  }
}

/** Of a task that arrived before the first look. */
const NOT_SEEN: Followed = { name: '(unknown)', receivedAt: undefined }

const ENDS: ReadonlySet<string> = new Set([
  'task-succeeded',
  'task-failed',
  'task-rejected',
  'task-revoked',
])

function rateOf(seconds: readonly Second[], now: number, span: number): TaskRate {
  const within = seconds.filter(({ at }) => at > now - span)
  const sum = (field: Exclude<keyof Second, 'at'>): number =>
    within.reduce((total, second) => total + second[field], 0)
  const [started, succeeded] = [sum('started'), sum('succeeded')]
  return {
    rate: sum('ended') / span,
    wait: started === 0 ? undefined : sum('waited') / started,
    run: succeeded === 0 ? undefined : sum('ran') / succeeded,
    failures: sum('failures'),
  }
}

function rateIn({ spans: [first] }: TaskRow): number {
  return first?.rate ?? 0
}
