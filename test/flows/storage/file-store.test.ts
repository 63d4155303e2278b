import { Engine, FileStore, linear, task } from 'celery-toolbox/flows'
import { expect, test } from 'vitest'
import { folder } from '../kills/kills.ts'

test('another process may read a run while it goes on: nothing of it is lost', async () => {
  const path = await folder()
  const seen: unknown[] = []
  const look = async () => {
    seen.push((await new FileStore(path).load('f1'))?.atoms.map(({ state }) => state).slice(0, 2))
  }
  const flow = linear('f', {}, [
    task('a', { execute: look, provides: 'x' }),
    task('b', { execute: look, provides: 'y' }),
  ])
  await new Engine(flow, { persist: new FileStore(path), flowId: 'f1' }).run()
  await look()
  expect(seen).toEqual([
    ['RUNNING', 'PENDING'],
    ['SUCCESS', 'RUNNING'],
    ['SUCCESS', 'SUCCESS'],
  ])
})

test('of two owners of a run in files the earlier one writes nothing any more', async () => {
  const path = await folder()
  const calls: string[] = []
  const make = (by: string) =>
    linear('f', {}, [task('a', { execute: () => void calls.push(by), provides: 'x' })])
  const earlier = new Engine(make('earlier'), {
    persist: new FileStore(path),
    flowId: 'f1',
    epoch: 1,
  })
  await earlier.validate() // it has read the run, and is paused now
  await new Engine(make('later'), { persist: new FileStore(path), flowId: 'f1', epoch: 2 }).run()
  await expect(earlier.run()).rejects.toMatchObject({ name: 'LeaseLost' })
  expect(calls).toEqual(['later'])
  expect((await new FileStore(path).load('f1'))?.flow.state).toBe('SUCCESS')
})
