import { LinkPublisher } from '../parts/publisher.ts'

/** A task of the toolbox, by what is called of it. */
interface CallableTask {
  readonly name: string
  applyAsync(args: never, options?: never): Promise<unknown>
}

interface ToTaskOptions<Message> {
  /** Arguments of the call. Default: the message alone. */
  readonly args?: (message: Message) => readonly unknown[]
  /** Options of the call, as `applyAsync` takes them. */
  readonly options?: (message: Message) => Readonly<Record<string, unknown>>
}

/** Calls a Celery task with each result: it is safe once the broker has the call. Headers of the message go with it. */
export function toTask<Message = unknown>(
  task: CallableTask,
  { args = (message) => [message], options }: ToTaskOptions<Message> = {},
): LinkPublisher {
  return new LinkPublisher(`task ${task.name}`, () => ({
    inFlight: IN_FLIGHT,
    publish: (message, { headers }) => {
      const given = options?.(message as Message)
      const carried = Object.keys(headers).length === 0 ? {} : { headers }
      return task.applyAsync(args(message as Message) as never, { ...carried, ...given } as never)
    },
  }))
}

const IN_FLIGHT = 64
