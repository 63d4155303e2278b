import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take half a minute and more. Begun last, as a small file is, one keeps all the others waiting. */
const LONG = [
  // Of those that run alone: what minds busy cores (faults/stopping) comes last, once the unit tests have ended.
  'faults/harness',
  'faults/blocked-stop',
  'faults/broker-losses',
  'faults/delayed-delivery',
  'faults/flows',
  'faults/recipes',
  'brokers/amqp/amqp-restart',
  'celery-suite/celery-suite',
  'matrix/celery-new',
  'matrix/celery-old',
  'examples/examples',
  'interop/python-calls-node',
  'cli/worker',
  'tasks/delayed-delivery',
  'worker/pools/child-pools',
  'celery-node/celery-node',
  'monitor/states/real-workers',
  'monitor/states/old-celery',
  'monitor/states/worker-killed',
  'faults/rolling-deploys',
  'projects/first-hour',
  'database/embedded-postgres',
  'results/postgres-store-python',
  'monitor/clocks',
  'interop/plain-celery',
  'monitor/faults',
  'examples/commands/commands',
  'cli/init/migration',
  'brokers/amqp/amqp-losses',
  'results/celery-tasks',
  'interop/zocalo/pipelines',
  'interop/zocalo/watching',
  'interop/workflows',
]

/** As Vitest sorts them, but for those that are known to be long: where nothing has run yet, it knows of sizes alone. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.sort((one, other) => rankOf(one) - rankOf(other))
  }
}

/** Within a group: the project `slow`, then by place in the list. */
function rankOf({ moduleId, project }: TestSpecification): number {
  const { groupOrder } = project.config.sequence
  return groupOrder * (LONG.length + 2) + (project.name === 'slow' ? 0 : 1 + placeOf(moduleId))
}

function placeOf(moduleId: string): number {
  const place = LONG.findIndex((name) => moduleId.endsWith(`/test/${name}.live.test.ts`))
  return place === -1 ? LONG.length : place
}
