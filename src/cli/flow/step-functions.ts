import { nearestName } from '../../config/resolve/nearest-name.ts'
import type { StepFunctions } from '../../flows/files/build-flow.ts'
import { type GlobalOptions, openApp } from '../app/open-app.ts'

type CeleryApp = Awaited<ReturnType<typeof openApp>>

export async function functionsOf(options: GlobalOptions): Promise<StepFunctions> {
  return functionsOfApp(await openApp(options))
}

/** The tasks of an app as steps: by their declared parameters, else with all values as one object. */
export function functionsOfApp(app: CeleryApp): StepFunctions {
  return {
    get: (name) => {
      const task = app.tasks.get(name)
      if (task === undefined) return undefined
      const { params } = task.options
      const run = task.run as (...args: unknown[]) => unknown // called as its messages would
      return (values) =>
        params === undefined ? run(values) : run(...params.map((param) => values[param]))
    },
    nearest: (name) => nearestName(name, app.tasks.names),
  }
}
