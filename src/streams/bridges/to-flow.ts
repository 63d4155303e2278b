import { LinkPublisher } from '../parts/publisher.ts'

/** A board that jobs are posted on, by what is called of it. */
export interface FlowBoard<Flow> {
  post(name: string, flow: Flow, options: { readonly store: unknown }): Promise<unknown>
}

export interface ToFlowOptions<Message> {
  /** The name of the job. Default: the flow's name. */
  readonly name?: (message: Message) => string
  /** What the flow begins with. Default: `{ message }`. */
  readonly store?: (message: Message) => Readonly<Record<string, unknown>>
}

/** Posts a job for each result: it is safe once it is on the board. */
export function toFlow<Flow extends { readonly name: string }, Message = unknown>(
  board: FlowBoard<Flow>,
  flow: Flow,
  options: ToFlowOptions<Message> = {},
): LinkPublisher {
  const { name = () => flow.name, store = (message) => ({ message }) } = options
  return new LinkPublisher(`flow ${flow.name}`, () => ({
    publish: (message) =>
      board.post(name(message as Message), flow, { store: store(message as Message) }),
  }))
}
