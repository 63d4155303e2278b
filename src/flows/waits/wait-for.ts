import { timeSpanMs } from '../../time-span.ts'
import { type Task, type TaskOptions, task } from '../atoms/task.ts'
import { CompilationFailure } from '../failures/flow-errors.ts'

interface WaitForOptions extends Omit<TaskOptions, 'execute' | 'waitsFor'> {
  /** The step's name. Default: the signal's. */
  readonly name?: string
  /** "2d", "90s", or milliseconds; the step fails with TimeoutError then. Default: it waits for ever. */
  readonly timeout?: string | number
}

/** A step that waits for a signal, an approval or a webhook for example; its result is the value sent with the signal. */
export function waitFor(
  signal: string,
  { name = signal, timeout, ...options }: WaitForOptions = {},
): Task {
  const timeoutMs = timeout === undefined ? undefined : spanMs(name, timeout)
  return task(name, {
    ...options,
    waitsFor: { signal, ...(timeoutMs !== undefined && { timeoutMs }) },
  })
}

function spanMs(name: string, span: string | number): number {
  const ms = typeof span === 'number' ? span : timeSpanMs(span)
  if (ms !== undefined && ms >= 0) return ms
  throw new CompilationFailure(
    `the timeout of step "${name}" is ${JSON.stringify(span)}, expected a span such as "90s"`,
  )
}
