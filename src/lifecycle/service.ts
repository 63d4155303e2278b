import { aborted } from '../async/aborted.ts'
import { deferred } from '../async/deferred.ts'
import { startTimer } from '../async/timer.ts'
import { withDeadline } from '../async/with-deadline.ts'
import { ServiceError } from '../errors.ts'

interface DrainOptions {
  /** How long running work may take before it is cut short. Default: as long as it takes. */
  readonly graceMs?: number
}

interface StopOptions extends DrainOptions {
  /** How long everything else of the stop may take. Default 10 s. */
  readonly withinMs?: number
}

/** Something that runs until it is stopped. Each method may be called any number of times, and acts once. */
export interface Service extends AsyncDisposable {
  readonly name: string
  readonly state: 'new' | 'starting' | 'ready' | 'draining' | 'stopped'
  /** Resolves once it has stopped, or as soon as it fails while it runs: with the error then. Never rejects. */
  readonly ended: Promise<Error | undefined>
  /** Resolves once it is ready. Rejects with SERVICE_STOPPED where it was stopped before that. */
  start(): Promise<void>
  /** Takes nothing new; resolves once what runs is done. A second call can only shorten the grace. */
  drain(options?: DrainOptions): Promise<void>
  /** Drains, then ends. Rejects with SERVICE_STUCK once its time is up. */
  stop(options?: StopOptions): Promise<void>
}

interface ServiceRun {
  /** Aborted as soon as the service is to stop. */
  readonly signal: AbortSignal
  /** The service cannot continue: `ended` says so, and the owner stops it. */
  readonly fail: (error: Error) => void
}

export interface ServiceParts {
  readonly name: string
  readonly start?: (run: ServiceRun) => Promise<void>
  /** The signal is aborted once the grace is over (before the drain, where there is none): cut short what runs then. */
  readonly drain?: (cut: AbortSignal) => Promise<void>
  /** Called once, after a start that failed too: gives back what the start had taken. Has this much time. */
  readonly stop?: (withinMs: number) => Promise<void>
}

/** A service of these parts. */
export function service(parts: ServiceParts): Service {
  return new PartedService(parts)
}

/** A service that is made when it starts, as it needs what others have opened by then; undefined where there is none. */
export function madeAtStart(
  name: string,
  make: (signal: AbortSignal) => Promise<Service | undefined>,
): Service {
  let made: Service | undefined
  return service({
    name,
    start: async ({ signal, fail }) => {
      made = await make(signal)
      signal.throwIfAborted()
      if (made !== undefined) await startUnless(signal, made)
      void made?.ended.then((error) => error && fail(error))
    },
    drain: async (cut) => {
      cut.addEventListener('abort', () => made?.drain({ graceMs: 0 }).catch(() => undefined))
      await made?.drain(cut.aborted ? { graceMs: 0 } : {})
    },
    stop: async (withinMs) => made?.stop({ graceMs: 0, withinMs }),
  })
}

/** A stop during the start cuts short the one that starts, however long it would wait for its server. */
export async function startUnless(signal: AbortSignal, one: Service): Promise<void> {
  // Its start rejects, and how it ends is heard when all are stopped.
  const cut = (): void => void one.stop({ graceMs: 0 }).catch(() => undefined)
  signal.addEventListener('abort', cut, { once: true })
  try {
    await one.start()
  } finally {
    signal.removeEventListener('abort', cut)
  }
}

const WITHIN_MS = 10_000

class PartedService implements Service {
  readonly #parts: ServiceParts
  readonly #leaving = new AbortController()
  readonly #cut = new AbortController()
  readonly #ended = deferred<Error | undefined>()
  #state: Service['state'] = 'new'
  #starting: Promise<void> | undefined
  #begun: Promise<void> | undefined
  #draining: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(parts: ServiceParts) {
    this.#parts = parts
  }

  get name(): string {
    return this.#parts.name
  }

  get state(): Service['state'] {
    return this.#state
  }

  get ended(): Promise<Error | undefined> {
    return this.#ended.promise
  }

  async start(): Promise<void> {
    this.#starting ??= this.#start()
    await this.#starting
  }

  async drain({ graceMs = Number.POSITIVE_INFINITY }: DrainOptions = {}): Promise<void> {
    this.#cutAfter(graceMs)
    if (this.#state === 'ready') {
      this.#state = 'draining'
      this.#draining = this.#parts.drain?.(this.#cut.signal)
    }
    await this.#draining
  }

  async stop({
    graceMs = Number.POSITIVE_INFINITY,
    withinMs = WITHIN_MS,
  }: StopOptions = {}): Promise<void> {
    this.#cutAfter(graceMs)
    this.#stopping ??= this.#stop(withinMs)
    await this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #start(): Promise<void> {
    const { signal } = this.#leaving
    signal.throwIfAborted()
    this.#state = 'starting'
    const fail = (error: Error): void => this.#ended.resolve(error)
    this.#begun = this.#parts.start?.({ signal, fail }) ?? Promise.resolve()
    await Promise.race([this.#begun, aborted(signal)])
    signal.throwIfAborted()
    this.#state = 'ready'
  }

  async #stop(withinMs: number): Promise<void> {
    this.#leaving.abort(
      new ServiceError('SERVICE_STOPPED', `${this.name} was stopped before it was ready`),
    )
    const steps = new TimedSteps(this.name, withinMs)
    // How the start ended is for the caller of start() to hear.
    const isOver = await steps.take('start', () => this.#begun?.catch(() => undefined))
    if (isOver) {
      await Promise.race([this.drain().catch(() => undefined), aborted(this.#cut.signal)])
      await steps.take('drain', () => this.#draining)
      await steps.take('stop', () => this.#end(steps.leftMs))
    } else this.#endLater()
    this.#state = 'stopped'
    this.#ended.resolve(undefined)
    steps.throwFirst()
  }

  async #end(leftMs: number): Promise<void> {
    if (this.#begun !== undefined) await this.#parts.stop?.(leftMs)
  }

  /** A start that hangs may still come to an end, and then what it took is given back. */
  #endLater(): void {
    const end = async (): Promise<void> => this.#end(WITHIN_MS)
    // The caller of stop() has heard of the start that hangs, and listens no longer.
    void this.#begun?.then(end, end).catch(() => undefined)
  }

  #cutAfter(graceMs: number): void {
    if (graceMs <= 0) this.#cut.abort()
    else startTimer(graceMs, () => this.#cut.abort()).unref()
  }
}

/** Steps that share one span of time. A step that fails or takes too long does not keep the next from its turn. */
class TimedSteps {
  readonly #name: string
  readonly #withinMs: number
  readonly #problems: unknown[] = []
  #spentMs = 0

  constructor(name: string, withinMs: number) {
    this.#name = name
    this.#withinMs = withinMs
  }

  get leftMs(): number {
    return Math.max(0, this.#withinMs - this.#spentMs)
  }

  /** False where it was not over in time. */
  async take(step: string, work: () => Promise<void> | undefined): Promise<boolean> {
    const beganAt = performance.now()
    try {
      await withDeadline(Promise.resolve(work()), this.leftMs, () => this.#stuck(step))
      return true
    } catch (error) {
      this.#problems.push(error)
      return !(error instanceof ServiceError && error.code === 'SERVICE_STUCK')
    } finally {
      this.#spentMs += performance.now() - beganAt
    }
  }

  throwFirst(): void {
    if (this.#problems.length > 0) throw this.#problems[0]
  }

  #stuck(step: string): ServiceError {
    return new ServiceError(
      'SERVICE_STUCK',
      `${this.#name}: the ${step} did not finish within ${this.#withinMs} ms and is abandoned`,
    )
  }
}
