import { startTimer, type Timer } from '../../async/timer.ts'
import type { CommandFunction } from '../../control/mailbox.ts'
import type { EventFields } from '../../events/event-fields.ts'
import type { Logger } from '../../logger.ts'
import type { CeleryEvent } from '../../protocol/events/events.ts'
import { LONGEST_TEXT, requiredText } from './arguments.ts'

interface ElectionParts {
  /** The worker's name, "name@host". */
  readonly name: string
  /** Sends an event to the other workers. */
  readonly emit: (type: string, fields: EventFields) => void
  /** Calls the task of a won election; what it is given is a signature. */
  readonly callTask: (signature: unknown) => Promise<unknown>
  readonly logger: Logger
  /** How long the others' candidacies are waited for. Default one second. */
  readonly waitMs?: number
}

interface Candidate {
  readonly clock: number
  /** "name@host.pid". */
  readonly who: string
  readonly topic: unknown
  readonly action: unknown
}

interface Election {
  readonly candidates: Candidate[]
  readonly timer: Timer
  /** It was called here, by the command. */
  isOurs: boolean
}

const WAIT_MS = 1_000
const MOST_AT_ONCE = 1_000

/**
 * The elections of Celery's gossip: each worker that gets the command `election` stands for it with an event, and the one
 * whose logical clock was lowest acts. Python's count the acknowledgements of those alive; ours wait for a second.
 */
export class Elections {
  readonly #parts: ElectionParts
  readonly #open = new Map<string, Election>()

  constructor(parts: ElectionParts) {
    this.#parts = parts
  }

  get commands(): readonly (readonly [string, CommandFunction])[] {
    return [
      [
        'election',
        (args) =>
          this.#stand(requiredText(args, 'id'), requiredText(args, 'topic'), args.action ?? null),
      ],
    ]
  }

  /** Hears of candidates, itself among them. */
  onEvent(event: CeleryEvent): void {
    const { type, id, clock, hostname, pid, topic, action } = event
    if (type !== 'worker-elect' || typeof id !== 'string' || typeof clock !== 'number') return
    if (typeof hostname !== 'string' || typeof pid !== 'number') return
    if (id.length > LONGEST_TEXT) return
    const election = this.#electionOf(id)
    election?.candidates.push({ clock, who: `${hostname}.${pid}`, topic, action })
    // Python's workers wait for it.
    this.#parts.emit('worker-elect-ack', { id })
  }

  close(): void {
    for (const { timer } of this.#open.values()) timer.clear()
    this.#open.clear()
  }

  #stand(id: string, topic: string, action: unknown): void {
    const election = this.#electionOf(id)
    if (election === undefined) throw new Error(`more than ${MOST_AT_ONCE} elections at once`)
    election.isOurs = true
    this.#parts.emit('worker-elect', { id, topic, action, cver: 1 })
  }

  #electionOf(id: string): Election | undefined {
    const known = this.#open.get(id)
    if (known !== undefined || this.#open.size >= MOST_AT_ONCE) return known
    const timer = startTimer(this.#parts.waitMs ?? WAIT_MS, () => this.#decide(id)).unref()
    const election: Election = { candidates: [], timer, isOurs: false }
    this.#open.set(id, election)
    return election
  }

  #decide(id: string): void {
    const { name, callTask, logger } = this.#parts
    const election = this.#open.get(id)
    this.#open.delete(id)
    const [leader] = [...(election?.candidates ?? [])].sort(byClock)
    if (election?.isOurs !== true || leader === undefined) return
    if (leader.who !== `${name}.${process.pid}`) {
      logger.info({ id, elected: leader.who }, 'another worker was elected')
      return
    }
    logger.info({ id, topic: leader.topic }, 'this worker was elected')
    if (leader.topic !== 'task') {
      logger.error({ id, topic: leader.topic }, 'an election is about an unknown topic')
      return
    }
    callTask(leader.action).catch((error: unknown) => {
      logger.error({ id, err: error }, 'the task of an election could not be called')
    })
  }
}

function byClock(one: Candidate, other: Candidate): number {
  return one.clock - other.clock || (one.who < other.who ? -1 : 1)
}
