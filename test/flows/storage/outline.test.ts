import { Engine, linear, MemoryStore, task, times, unordered } from 'celery-toolbox/flows'
import { expect, test } from 'vitest'
import { explainRun } from '../../../src/flows/storage/explain-run.ts'
import { drawRun } from '../../../src/flows/storage/outline.ts'

const refuse = () => {
  throw new Error('no space')
}

test('a stored run is drawn as a tree of its flows and atoms, with states, reverts and failures', async () => {
  const store = new MemoryStore()
  const flow = linear('ingest', { retry: times('attempts', { attempts: 2 }) }, [
    task('copy', { args: ['path'], provides: 'location', execute: ({ path }) => `/a${path}` }),
    unordered('derive', {}, [task('thumb', { execute: refuse }), task('stats')]),
    task('notify'),
  ])
  const engine = new Engine(flow, { persist: store, flowId: 'f1', store: { path: '/in/1' } })
  await expect(engine.run()).rejects.toThrow('no space')
  const stored = await store.load('f1')
  if (stored === undefined) throw new Error('nothing is stored')
  expect(drawRun(stored).split('\n')).toEqual([
    '├─ attempts (retry, 0 attempts)  REVERTED',
    '├─ copy  REVERTED',
    '├─ derive (unordered)',
    '│  ├─ thumb  REVERTED  Error: no space',
    '│  └─ stats  REVERTED',
    '└─ notify  PENDING',
  ])
  expect(explainRun(stored)).toContain(
    "Atom 'copy' {'intention': 'EXECUTE', 'state': 'SUCCESS', 'requires': {'path': '/in/1'}, 'provides': '/a/in/1'}",
  )
})

test('a run whose shape is not known is drawn as a list', () => {
  const flow = { id: 'f', name: 'old', version: null, state: 'SUCCESS', meta: {} } as const
  const atom = { id: 'a', name: 'a', kind: 'task', version: '1.0', state: 'SUCCESS' } as const
  const rest = { intention: 'EXECUTE', results: 1, failure: null, revertResults: null } as const
  const atoms = [{ ...atom, ...rest, revertFailure: null, meta: {} }]
  expect(drawRun({ flow, atoms })).toBe('└─ a  SUCCESS')
})
