import { expect, test } from 'vitest'
import type { TaskEntry } from '../../../src/monitor/mirror/task-entry.ts'
import { mergeTasks, mirroredTasks } from '../../../src/monitor/tasks/merge-tasks.ts'
import type { Message } from '../../../src/protocol/message.ts'
import { message, read } from '../messages.ts'

test('the tasks of a batch are one list', async () => {
  const rounds = mergeTasks(await readAll(['c', 'a', 'b'].map((id) => message({ id }))))
  expect(rounds.map((tasks) => tasks.map(({ taskId }) => taskId))).toEqual([['c', 'a', 'b']])
})

test.each([[[0, 1, 2]], [[2, 1, 0]], [[1, 2, 0]]])(
  'of the messages of one task the one with the most retries wins (%j)',
  async (order) => {
    const messages = order.map((retries) =>
      message({ id: 'a', retries, args: [retries], parentId: retries === 0 ? 'parent' : 'a' }),
    )
    const [tasks, ...more] = mergeTasks(await readAll(messages))
    expect(more).toEqual([])
    expect(tasks).toMatchObject([{ retries: 2, args: '[2]', state: 'RETRY', parentId: 'parent' }])
  },
)

test('a replaced task, which keeps its id, comes after the one it replaces', async () => {
  const [first, second] = [
    message({ id: 'a', args: ['old'] }),
    message({ id: 'a', args: ['new'], replacedTaskNesting: 1 }),
  ]
  const rounds = mergeTasks(await readAll([second, first]))
  expect(rounds).toMatchObject([[{ args: '["new"]' }]])
})

test('messages of one task of unknown age are left to the database', async () => {
  const rounds = mergeTasks(
    await readAll([message({ id: 'a', args: [1] }), message({ id: 'a', args: [2] })]),
  )
  expect(rounds.map((tasks) => tasks.map(({ args }) => args))).toEqual([['[1]'], ['[2]']])
})

test('the same message twice counts once', async () => {
  const given = message({ id: 'a' })
  expect(mergeTasks(await readAll([given, given]))).toHaveLength(1)
})

async function readAll(messages: readonly Message[]): Promise<TaskEntry[]> {
  return mirroredTasks(await Promise.all(messages.map((one) => read(one))))
}
