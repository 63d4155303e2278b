import { expect, test } from 'vitest'
import { BrokerError } from '../../../src/errors.ts'
import { celeryRemotes } from '../../../src/flows/remote/celery-remotes.ts'
import type { RemoteCall } from '../../../src/flows/remote/remote.ts'

const CALL: RemoteCall = {
  task: 'elsewhere',
  options: {},
  attemptId: 'attempt-1',
  flowId: 'f1',
  flow: 'sums',
  atom: 'add',
  action: 'execute',
  values: { x: 1 },
  parentId: 'f1',
}

test.each(['BROKER_UNREACHABLE', 'PUBLISH_UNCONFIRMED'] as const)(
  'the call of a remote step is published once the broker is back: %s is no failure of the step',
  async (code) => {
    const published: string[] = []
    const remotes = remotesWhosePublish((taskId) => {
      published.push(taskId)
      if (published.length < 3) throw new BrokerError(code, 'away')
    })
    await remotes.start(CALL, AbortSignal.timeout(10_000))
    expect(published).toEqual(['attempt-1', 'attempt-1', 'attempt-1'])
  },
)

test('a call that the broker refuses is refused at once', async () => {
  const refused = new BrokerError('PUBLISH_REFUSED', 'no such exchange')
  let count = 0
  const remotes = remotesWhosePublish(() => {
    count += 1
    throw refused
  })
  await expect(remotes.start(CALL, AbortSignal.timeout(10_000))).rejects.toBe(refused)
  expect(count).toBe(1)
})

test('an engine that stops does not wait for the broker', async () => {
  const stop = new AbortController()
  const remotes = remotesWhosePublish(() => {
    stop.abort(new Error('stopping'))
    throw new BrokerError('BROKER_UNREACHABLE', 'away')
  })
  await expect(remotes.start(CALL, stop.signal)).rejects.toThrow('stopping')
})

function remotesWhosePublish(publish: (taskId: string) => void) {
  return celeryRemotes({
    publish: async ({ options }: { options: { taskId: string } }) => publish(options.taskId),
  } as never) // the one method that is used
}
