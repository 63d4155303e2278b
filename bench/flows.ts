import { DatabaseStore, Engine, type FlowStore, linear, task } from 'celery-toolbox/flows'
import { migrateUp, openDatabase } from 'celery-toolbox/monitor'
import { type BenchPlace, ensurePythonPackage, openPlace, runPeer } from './environment.ts'
import { type Contender, perSecondSince, type Scenario } from './measure.ts'

/** Flows of steps that do nothing, one after another, in memory. TaskFlow gets slower with the number of its atoms. */
export async function flowsScenario(): Promise<Scenario> {
  const place = await openPlace()
  return {
    name: 'flows',
    baseline: 'TaskFlow, 100 atoms',
    goals: [
      { ours: 'celery-toolbox, 100 atoms', than: 'TaskFlow, 100 atoms', atLeast: 20 },
      { ours: 'celery-toolbox, 500 atoms', than: 'TaskFlow, 500 atoms', atLeast: 100 },
      { ours: 'celery-toolbox, 10000 atoms', than: 'celery-toolbox, 1000 atoms', atLeast: 0.83 },
    ],
    contenders: [
      peer(place, { atoms: 100, runs: 1, where: 'memory' }),
      peer(place, { atoms: 500, runs: 1, where: 'memory' }),
      ours({ atoms: 100, runs: 50 }),
      ours({ atoms: 500, runs: 10 }),
      ours({ atoms: 1_000, runs: 5 }),
      ours({ atoms: 10_000, runs: 1 }),
    ],
    close: () => place.close(),
  }
}

/** The same with each transition in PostgreSQL. */
export async function storedFlowsScenario(): Promise<Scenario> {
  for (const name of ['alembic', 'sqlalchemy_utils'])
    await ensurePythonPackage(name, 'PYTHON_TASKFLOW')
  const place = await openPlace()
  await migrateUp(place.databaseUrl)
  const database = await openDatabase({ url: place.databaseUrl })
  return {
    name: 'flows-stored',
    baseline: 'TaskFlow, 100 atoms',
    goals: [{ ours: 'celery-toolbox, 100 atoms', than: 'TaskFlow, 100 atoms', atLeast: 3 }],
    contenders: [
      peer(place, { atoms: 100, runs: 1, where: 'stored' }),
      ours({ atoms: 100, runs: 3, persist: new DatabaseStore(database) }),
    ],
    close: async () => {
      await database.close()
      await place.close()
    },
  }
}

interface Amount {
  readonly atoms: number
  readonly runs: number
}

function peer(
  place: BenchPlace,
  { atoms, runs, where }: Amount & { readonly where: 'memory' | 'stored' },
): Contender {
  const args = [String(atoms), String(runs), where]
  return {
    name: `TaskFlow, ${atoms} atoms`,
    run: async () => Number(await runPeer('taskflow_peer.py', args, place, 'PYTHON_TASKFLOW')),
  }
}

function ours({ atoms, runs, persist }: Amount & { readonly persist?: FlowStore }): Contender {
  return {
    name: `celery-toolbox, ${atoms} atoms`,
    run: async () => {
      const startedAt = performance.now()
      for (let run = 0; run < runs; run += 1) {
        const steps = Array.from({ length: atoms }, (_, n) =>
          task(`step-${n}`, { execute: () => 1 }),
        )
        await new Engine(linear('bench', {}, steps), { persist }).run()
      }
      return perSecondSince(startedAt, atoms * runs)
    },
  }
}
