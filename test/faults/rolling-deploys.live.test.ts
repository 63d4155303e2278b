import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type Accounts, disagreements } from '../support/ledger.ts'
import { waitFor } from '../support/wait-for.ts'
import { deploy, type Field, openField, type Pod, SILENT } from './deploys/field.ts'

/** npm run test:deploys takes twenty minutes; npm test one round. */
const MINUTES = Number(process.env.DEPLOY_MINUTES ?? 0)
const LONGEST_S = MINUTES > 0 ? 120 : 6
/** So long that none ends before its pod does. */
const CUT_OFF_S = Math.max(LONGEST_S, 12)
const PATIENCE = { deadlineMs: LONGEST_S * 4000 + 30_000, everyMs: 100 }

test('rolling deploys run no task twice, and each task of a killed worker is found and replayed once', {
  timeout: MINUTES * 60_000 + 6 * PATIENCE.deadlineMs,
}, async () => {
  const field = await openField(LONGEST_S)
  const until = Date.now() + MINUTES * 60_000
  const sent: string[] = []
  for (let round = 0; round === 0 || Date.now() < until; round += 1) {
    sent.push(...(await stopWarm(field)))
    sent.push(...(await kill(field)))
    sent.push(...(await stopCold(field, round)))
  }
  await agreement(field, sent)
  expect(field.killed.size).toBeGreaterThanOrEqual(4)
})

/** As every deploy does: tasks run while their pods are replaced. */
async function stopWarm(field: Field): Promise<string[]> {
  const seconds = [1, LONGEST_S / 2, LONGEST_S]
  const ids = await Promise.all([
    ...seconds.flatMap((s) => [send(field, 'python.pay', s), send(field, 'export.pay', s)]),
    ...['python.pay_late', 'export.pay_late'].map((name) => send(field, name, LONGEST_S / 3)),
    ...['python.forget', 'export.forget'].map((name) => send(field, name, 1)),
    send(field, 'python.give_up'),
  ])
  await waitFor('tasks to run', () => ids.some((id) => isRunning(field, id)), PATIENCE)
  const { python, node } = await deploy(field)
  for (const { process: pod } of [python, node]) pod.kill('SIGTERM')
  await waitFor('the tasks to end', () => ids.every((id) => field.ledger.hasEnded(id)), PATIENCE)
  return ids
}

async function kill(field: Field): Promise<string[]> {
  const ids = await atWork(field)
  for (const { name, process: victim } of Object.values(field.pods)) {
    field.killed.add(name)
    process.kill(-victim.pid, 'SIGKILL')
  }
  await deploy(field)
  return ids
}

/** As a platform does that does not wait: what runs is cut off, though its workers announce their stop. */
async function stopCold(field: Field, round: number): Promise<string[]> {
  const ids = await atWork(field)
  const { python, node } = field.pods
  for (const { name } of [python, node]) field.killed.add(name)
  const signals = round % 2 === 0 ? COLD : COLD_AFTER_WARM
  await Promise.all([signal(python, signals), signal(node, signals), deploy(field)])
  return ids
}

const COLD = ['SIGQUIT'] as const
const COLD_AFTER_WARM = ['SIGTERM', 'SIGQUIT'] as const

async function signal({ process: pod }: Pod, signals: readonly NodeJS.Signals[]): Promise<void> {
  for (const one of signals) {
    pod.kill(one)
    await wait(500) // as a person presses twice
  }
}

/** Each pod runs a task that is acknowledged early, and one that is acknowledged late. */
async function atWork(field: Field): Promise<string[]> {
  const { python, node } = field.pods
  const ids = await Promise.all([
    takenBy(field, python, 'python.pay'),
    takenBy(field, python, 'python.pay_late'),
    takenBy(field, node, 'export.pay'),
    takenBy(field, node, 'export.pay_late'),
  ])
  return ids.flat()
}

const MOST_WAITING = 4

/** Sends tasks until that pod begins one of them: the others go to the pod that sends no events. */
async function takenBy(field: Field, { name: pod }: Pod, task: string): Promise<string[]> {
  const ids: string[] = []
  await waitFor(
    `${pod} to run ${task}`,
    async () => {
      if (ids.some((id) => field.ledger.runs(id).at(-1)?.worker === pod)) return true
      const waiting = ids.filter((id) => field.ledger.runs(id).length === 0)
      // On a slow machine more would wait than the pods can run in time.
      if (waiting.length < MOST_WAITING) ids.push(await send(field, task, CUT_OFF_S))
      return false
    },
    { ...PATIENCE, everyMs: 400 },
  )
  return ids
}

async function agreement({ database, ledger, killed }: Field, sent: readonly string[]) {
  const accounts: Accounts = {
    killed,
    sent,
    silent: SILENT,
    withoutOutcome: new Set(['python.give_up']),
    unstored: new Set(['python.forget', 'export.forget']),
  }
  await waitFor(
    'the record to agree with the ledger',
    async () => {
      expect(await disagreements(database, ledger, accounts)).toEqual([])
      return true
    },
    { deadlineMs: 60_000 + 3 * CUT_OFF_S * 1000, everyMs: 500 },
  )
}

async function send({ app }: Field, name: string, ...args: number[]): Promise<string> {
  const { id } = await app.sendTask(name, args, {}, { ignoreResult: name.endsWith('.forget') })
  return id
}

function isRunning({ ledger }: Field, id: string): boolean {
  return ledger.runs(id).length > 0 && !ledger.hasEnded(id)
}
