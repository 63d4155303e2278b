import { randomInt, randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { CeleryApp } from '../../src/create-app.ts'
import { chain, chord, group } from '../../src/tasks/canvas/canvas.ts'
import type { Signature } from '../../src/tasks/signature.ts'
import { freshServers, liveApp, type Servers } from '../support/live-app.ts'
import { type Process, startCli } from '../support/processes.ts'
import { service } from '../support/services.ts'
import { waitFor } from '../support/wait-for.ts'
import { Effects } from './fault-worker.ts'

const KILLS = 2
/** How often each shape is started. */
const COPIES = Number(process.env.WORKFLOW_FAULT_COPIES ?? 3)
const PATIENCE = { deadlineMs: 90_000 }

type Make = (tasks: ReturnType<typeof tasksOf>, key: string) => Signature

const ENDING_WELL: readonly Make[] = [
  ({ step, replaces, callback }, key) =>
    chain(step(1), replaces('chain'), step()).link(callback(key)),
  ({ step, replaces, callback }, key) =>
    chord([step(1), replaces('group', 2)], step()).link(callback(key)),
  ({ step, replaces, callback }, key) =>
    chord([step(1), chain(step(2), replaces('chord'))], step()).link(callback(key)),
]

const FAILING: readonly Make[] = [
  ({ step, replaces, fails, errback }, key) =>
    chain(step(1), replaces('group'), fails()).linkError(errback(key)),
  ({ step, fails, errback }, key) => chord([step(1), fails()], step()).linkError(errback(key)),
  ({ replaces, step, fails, errback }, key) =>
    chord([replaces('chord', 1), fails()], group(step(), step())).linkError(errback(key)),
]

test.each(['PostgreSQL', 'Redis'] as const)(
  'workers killed at random over workflows that replace themselves, with results in %s: each ends, each callback and errback is called, and each errback finds the failure stored',
  async (backend) => {
    const servers = await freshServers(['flow'])
    const settings = settingsFor(backend)
    const app = liveApp(servers, settings)
    const effects = new Effects()
    const tasks = tasksOf(app)
    const starts = [...ENDING_WELL, ...FAILING].flatMap((make, shape) =>
      Array.from({ length: COPIES }, async (_, copy) => {
        const key = `${shape}-${copy}`
        const isGood = shape < ENDING_WELL.length
        return { key, isGood, result: await make(tasks, key).applyAsync() }
      }),
    )
    const started = await Promise.all(starts)

    for (let kill = 0; kill < KILLS; kill += 1) {
      const doomed = await startWorker(servers, effects, settings)
      await wait(randomInt(20, 400))
      expect(await doomed.stop('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' })
    }
    await startWorker(servers, effects, settings)
    for (const { key, isGood, result } of started) {
      const end = result.get({ timeoutMs: PATIENCE.deadlineMs }).then(
        () => 'success',
        (error: unknown) => String(error),
      )
      if (isGood) expect([key, await end]).toEqual([key, 'success'])
      else expect([key, await end]).toEqual([key, expect.stringMatching(/on purpose/)])
    }
    const expected = started.map(({ key, isGood }) =>
      isGood ? `callback ${key}` : `errback ${key} FAILURE`,
    )
    await waitFor(
      'all callbacks and errbacks',
      () => isWithin(expected, linesOf(effects)),
      PATIENCE,
    )
    expect(linesOf(effects).filter((line) => !expected.includes(line))).toEqual([])
  },
  240_000,
)

function tasksOf(app: CeleryApp) {
  const errback = (key: string) => app.signature('flow.errback', [], { key })
  return {
    step: (...args: unknown[]) => app.signature('flow.step', args),
    replaces: (by: string, ...args: unknown[]) => app.signature('flow.replaces', [...args, by]),
    fails: () => app.signature('flow.fails', [], {}, { isImmutable: true }),
    callback: (key: string) => app.signature('flow.callback', [key]),
    errback,
  }
}

function settingsFor(backend: 'PostgreSQL' | 'Redis') {
  if (backend === 'PostgreSQL') return {}
  return {
    result_backend: service('REDIS_URL'),
    result_backend_transport_options: { global_keyprefix: `test-${randomUUID()}:` },
  }
}

async function startWorker(
  servers: Servers,
  effects: Effects,
  settings: ReturnType<typeof settingsFor>,
): Promise<Process> {
  const path = join(import.meta.dirname, 'workflow-app.ts')
  const redis = settings.result_backend && {
    CELERY_RESULT_BACKEND: settings.result_backend,
    CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS: JSON.stringify(
      settings.result_backend_transport_options,
    ),
  }
  const worker = startCli(['worker', '-A', path, '-Q', 'flow,celery', '-c', '4'], {
    env: { ...servers.env, ...redis, EFFECTS: effects.file },
  })
  await worker.waitForLine(/worker ready/, PATIENCE)
  return worker
}

function linesOf({ file }: Effects): readonly string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []
}

function isWithin(expected: readonly string[], lines: readonly string[]): boolean {
  return expected.every((line) => lines.includes(line))
}
