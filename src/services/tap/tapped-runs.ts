import {
  dispatched,
  fieldsOf,
  type RunEvent,
  type StepFields,
  stamped,
} from '../../recipes/record/run-events.ts'
import { isRecipeMessage } from '../../recipes/wrapper/wrap-subscribe.ts'

/** A message as RabbitMQ's firehose copies it. */
interface Heard {
  /** To a consumer; else it was published. */
  readonly isDelivery: boolean
  readonly routingKeys: readonly string[]
  readonly headers: Readonly<Record<string, unknown>>
  readonly message: unknown
}

/** Steps that are remembered, as those of which messages may still come. */
const MOST = 10_000

/**
 * What copies of messages say of runs: a message to a queue is a step that was sent, one to a consumer a step that was
 * started, and what a step sends on says that it succeeded. Of a last step that sends nothing, its end is not known.
 */
export class TappedRuns {
  readonly #queues: ReadonlySet<string>
  /** The last started step of each node of a run. */
  readonly #started = new Map<string, StepFields>()
  readonly #dispatched = new Set<string>()
  readonly #ended = new Set<string>()

  constructor(queues: readonly string[]) {
    this.#queues = new Set(queues)
  }

  heard({ isDelivery, routingKeys, headers, message }: Heard): readonly RunEvent[] {
    const fields = isRecipeMessage(headers) ? fieldsOf(message) : null
    if (fields === null) return []
    if (isDelivery) {
      remember(this.#started, placeOf(fields.root_id, [...fields.path, fields.node]), fields)
      return [{ type: 'recipe-step-started', fields: stamped(fields) }]
    }
    const before = this.#started.get(placeOf(fields.root_id, fields.path))
    const parent = before?.uuid ?? fields.root_id
    const isTapped = routingKeys.some((key) => this.#queues.has(key))
    return [
      ...this.#endOf(before),
      ...(fields.path.length === 0 ? this.#startOf(message, fields) : []),
      ...(isTapped
        ? [{ type: 'recipe-step-sent', fields: stamped({ ...fields, parent_id: parent }) }]
        : []),
    ]
  }

  #endOf(step: StepFields | undefined): RunEvent[] {
    if (step === undefined || this.#ended.has(step.uuid)) return []
    keep(this.#ended, step.uuid)
    return [{ type: 'recipe-step-succeeded', fields: stamped(step) }]
  }

  #startOf(message: unknown, { root_id: id }: StepFields): RunEvent[] {
    if (this.#dispatched.has(id)) return []
    keep(this.#dispatched, id)
    return [dispatched(message, id)]
  }
}

function placeOf(run: string, path: readonly unknown[]): string {
  return `${run} ${path.map(String).join('.')}`
}

function remember(steps: Map<string, StepFields>, place: string, step: StepFields): void {
  steps.delete(place)
  steps.set(place, step)
  const [oldest] = steps.keys()
  if (steps.size > MOST && oldest !== undefined) steps.delete(oldest)
}

function keep(ids: Set<string>, id: string): void {
  ids.add(id)
  const [oldest] = ids
  if (ids.size > MOST && oldest !== undefined) ids.delete(oldest)
}
