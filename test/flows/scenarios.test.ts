import { readFileSync } from 'node:fs'
import { Engine, type FlowStore, MemoryStore } from 'celery-toolbox/flows'
import { expect, test } from 'vitest'
import { noted, Player, type RunSpec, type Scenario } from '../support/flows/scenario.ts'

const { scenarios } = JSON.parse(
  readFileSync(new URL('../fixtures/flows/scenarios.json', import.meta.url), 'utf8'),
) as { scenarios: Scenario[] }

test.each(scenarios)(
  '$id: calls, states, results and errors are those of TaskFlow',
  async (scenario) => {
    const player = new Player()
    const persist = new MemoryStore()
    for (const expected of scenario.expect.runs) {
      player.phase = expected.phase
      await checkRun(scenario, { player, persist, expected })
    }
    expectCalls(player.calls, scenario)
  },
)

async function checkRun(
  scenario: Scenario,
  { player, persist, expected }: { player: Player; persist: FlowStore; expected: RunSpec },
): Promise<void> {
  const engine = engineFor(scenario, player, persist)
  const transitions = noteTransitions(engine)
  if (expected.flow === undefined) {
    await Promise.race([died, engine.run()])
    return
  }
  const thrown = await engine.run().then(
    () => undefined,
    (error: unknown) => error as Error,
  )
  expect(engine.state).toBe(expected.flow)
  const atoms = engine.atoms().map(({ name, state, intention }) => [name, [state, intention]])
  expect(Object.fromEntries(atoms)).toEqual(expected.atoms)
  const results = await engine.fetchAll()
  for (const symbol of Object.keys(scenario.store ?? {})) delete results[symbol]
  expect(results).toEqual(expected.results)
  for (const [retry, history] of Object.entries(expected.retryHistories ?? {})) {
    expect(noted(engine.history(retry))).toEqual(history)
  }
  expect(thrown && { type: thrown.name, message: thrown.message }).toEqual(expected.raises)
  if (expected.transitions !== undefined) expect(transitions).toEqual(expected.transitions)
}

const died = new Promise<void>((resolve) => process.once('flow-process-died' as never, resolve))

function engineFor(scenario: Scenario, player: Player, persist: FlowStore): Engine {
  const { engine: kind, options = {}, store, crash = false } = scenario
  return new Engine(player.flow(scenario.flow), {
    kind,
    deferReverts: options.defer_reverts ?? false,
    neverResolve: options.never_resolve ?? false,
    ...(store !== undefined && { store }),
    ...(crash && { persist: mortal(player, persist), flowId: 'f1' }),
  })
}

/** A store that a dead process does not reach any more. */
function mortal(player: Player, store: FlowStore): FlowStore {
  const { phase } = player
  const isDead = () =>
    phase === 1 && player.calls.some(({ outcome }) => outcome === 'process-killed')
  return new Proxy(store, {
    get: (target, key) => {
      if (key === 'save' && isDead()) {
        process.emit('flow-process-died' as never)
        return () => new Promise<void>(() => undefined)
      }
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function noteTransitions(engine: Engine): Record<string, string[]> {
  const transitions: Record<string, string[]> = {}
  for (const type of ['flow', 'task', 'retry'] as const) {
    engine.on(type, ({ name, state, oldState }) => {
      const key = `${type} ${name}`
      transitions[key] = [...(transitions[key] ?? []), `${oldState}>${state}`]
    })
  }
  return transitions
}

function expectCalls(
  calls: readonly unknown[],
  { expect: { order, before = [], calls: expected } }: Scenario,
): void {
  if (order === 'total') {
    expect(calls).toEqual(expected)
    return
  }
  const texts = calls.map((call) => stable(call))
  expect([...texts].sort()).toEqual(expected.map((call) => stable(call)).sort())
  for (const [first, then] of before) {
    expect(texts.indexOf(stable(expected[first]))).toBeLessThan(
      texts.indexOf(stable(expected[then])),
    )
  }
}

function stable(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  )
}
