import { writeSync } from 'node:fs'
import type {
  CeleryApp,
  Signature,
  TaskContext,
  TaskOptions,
  TaskRequest,
} from '../../../src/index.ts'

/** A task's own arguments: the suite's callers decide what they are. */
export type Args = readonly unknown[]

export type Run = (self: TaskContext, args: Args) => unknown

/** Declares a task of t.integration.tasks; its keyword arguments take the places that `params` names. */
export type Declare = (name: string, run: Run, options?: TaskOptions) => void

const MODULE = 't.integration.tasks'

/** Every run is announced, as the suite's tests listen to the signal `task_received`. */
export function declarer(app: CeleryApp): Declare {
  return (name, run, options = {}) => {
    const fullName = name.startsWith('.') ? name.slice(1) : `${MODULE}.${name}`
    app.task(fullName, { ...options, bind: true }, (self, ...args: Args) => {
      announce(self.request)
      return run(self, args)
    })
  }
}

/** A signature of another task of the suite. */
export function suiteSignature(
  app: CeleryApp,
  name: string,
  args: Args = [],
  { isImmutable = false }: { readonly isImmutable?: boolean } = {},
): Signature {
  return app.signature(`${MODULE}.${name}`, args, {}, { isImmutable })
}

function announce(request: TaskRequest): void {
  const { id, task, stamps, stampedHeaders, replacedTaskNesting, callbacks, errbacks } = request
  const seen = { id, task, stamps, stampedHeaders, replacedTaskNesting, callbacks, errbacks }
  // In one piece and before the task runs: the test looks as soon as it has the result.
  writeSync(1, `${JSON.stringify({ received: seen })}\n`)
}
