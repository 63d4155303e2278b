import { expect, test } from 'vitest'
import { stuckTasks } from '../../src/monitor/queries/stuck-tasks.ts'
import { migrated, recordTask } from './states/recorded.ts'

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000)

test('what is due and not over is stuck, but not what expired before a worker took it', async () => {
  const database = await migrated()
  const task = { published_at: ago(30) }
  await recordTask(database, { ...task, task_id: 'waits' })
  await recordTask(database, { ...task, task_id: 'expired', expires: ago(20) })
  await recordTask(database, { ...task, task_id: 'runs', state: 'STARTED', expires: ago(20) })
  await recordTask(database, { ...task, task_id: 'not due', eta: ago(5) })
  const stuck = await stuckTasks(database)
  expect(new Set(stuck.map(({ taskId }) => taskId))).toEqual(new Set(['waits', 'runs']))
})
