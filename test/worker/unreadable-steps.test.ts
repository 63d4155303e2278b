import { expect, test } from 'vitest'
import { encodeTask } from '../../src/protocol/tasks/encode-task.ts'
import type { SignatureDict } from '../../src/protocol/tasks/task-request.ts'
import { embeddedApp, recordingLogger, startWorker } from '../support/embedded-app.ts'

const WAIT = { timeoutMs: 10_000 }

test.each([true, false])(
  'a step that cannot be read fails no outcome of the task before it, which runs once (late: %s)',
  async (isLate) => {
    const { app, logger, ran, publish } = await startedApp(isLate)
    await publish({ id: 'first', task: 'export.fails', chain: [groupOf(7)] })
    await expect(app.asyncResult('first').get(WAIT)).rejects.toMatchObject({
      excType: 'RangeError',
    })
    await publish({ id: 'next', task: 'export.works' })
    expect(await app.asyncResult('next').get(WAIT)).toBe('works')
    expect(ran).toEqual(['fails', 'works'])
    const errors = logger.lines.filter(({ sentence }) => /cannot be read/.test(sentence))
    expect(errors).toHaveLength(1)
    expect(logger.lines.filter(({ sentence }) => sentence === 'task failed')).toHaveLength(1)
  },
)

test.each([true, false])(
  'the body of a chord that cannot be read fails, and its members run once (late: %s)',
  async (isLate) => {
    const { app, ran, publish } = await startedApp(isLate)
    const body = groupOf(7, { task_id: 'the-body' })
    const { chords } = await app.results()
    await chords?.begin('the-group', 1)
    await publish({ id: 'member', task: 'export.fails', group: 'the-group', chord: body })
    await expect(app.asyncResult('the-body').get(WAIT)).rejects.toMatchObject({
      excType: 'ChordError',
    })
    await publish({ id: 'next', task: 'export.works' })
    expect(await app.asyncResult('next').get(WAIT)).toBe('works')
    expect(ran).toEqual(['fails', 'works'])
  },
)

async function startedApp(isLate: boolean) {
  const logger = recordingLogger()
  const app = embeddedApp({ task_acks_late: isLate }, { logger })
  const ran: string[] = []
  app.task('export.fails', () => {
    ran.push('fails')
    throw new RangeError('it fails')
  })
  app.task('export.works', () => {
    ran.push('works')
    return 'works'
  })
  await startWorker(app, { concurrency: 1 })
  const publish = async (call: Call): Promise<void> => {
    const message = encodeTask({ args: [], ...call })
    await app.broker().publish(message, { exchange: 'task_exchange', routingKey: 'export' })
  }
  return { app, logger, ran, publish }
}

type Call = Omit<Parameters<typeof encodeTask>[0], 'args'>

/** A group whose member has no name. */
function groupOf(task: unknown, options: Readonly<Record<string, unknown>> = {}): SignatureDict {
  const member = { task, args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false }
  return {
    task: 'celery.group',
    args: [],
    kwargs: { tasks: [member] },
    options,
    subtask_type: 'group',
    immutable: false,
  }
}
