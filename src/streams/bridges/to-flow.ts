import { LinkPublisher } from '../parts/publisher.ts'

/** A board that jobs are posted on, by what is called of it: `Board` of celery-toolbox/flows. */
interface FlowBoard<Flow> {
  post(
    flow: Flow,
    store: Readonly<Record<string, unknown>>,
    options: { readonly name: string },
  ): Promise<unknown>
}

interface ToFlowOptions<Message> {
  /** The name of the job. Default: the flow's name. */
  readonly name?: (message: Message) => string
  /** What the flow begins with. Default: `{ message }`. */
  readonly store?: (message: Message) => Readonly<Record<string, unknown>>
}

/** Posts a job for each result: it is safe once it is on the board. */
export function toFlow<Flow extends { readonly name: string }, Message = unknown>(
  board: FlowBoard<NoInfer<Flow>>,
  flow: Flow,
  options: ToFlowOptions<Message> = {},
): LinkPublisher {
  const { name = () => flow.name, store = (message) => ({ message }) } = options
  return new LinkPublisher(`flow ${flow.name}`, () => ({
    publish: (message) =>
      board.post(flow, store(message as Message), { name: name(message as Message) }),
  }))
}
