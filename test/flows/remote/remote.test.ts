import { expect, test } from 'vitest'
import { Engine, MemoryStore, type Remotes, remote, task } from '../../../src/flows/index.ts'

class Elsewhere implements Remotes {
  readonly started: string[] = []
  readonly answers = new Map<string, unknown>()

  async start({ attemptId }: { readonly attemptId: string }): Promise<void> {
    this.started.push(attemptId)
  }

  async outcome(attemptId: string): Promise<unknown> {
    return this.answers.has(attemptId)
      ? this.answers.get(attemptId)
      : new Promise<never>(() => undefined)
  }

  async peek(attemptId: string): Promise<{ readonly value: unknown } | undefined> {
    return this.answers.has(attemptId) ? { value: this.answers.get(attemptId) } : undefined
  }

  async revoke(): Promise<void> {
    // Nothing runs.
  }
}

const step = () => task('a', { execute: remote('elsewhere'), provides: 'sum' })

test('an engine that holds goes on waiting for the attempt that a dead process had started', async () => {
  const remotes = new Elsewhere()
  const persist = new MemoryStore()
  const options = { remotes, persist, flowId: 'f1' }
  const dead = new Engine(step(), options)
  void dead.run()
  await expect.poll(() => remotes.started).toHaveLength(1)
  remotes.answers.set(remotes.started[0] ?? '', 3)
  const heir = new Engine(step(), options)
  await heir.run()
  expect([await heir.fetch('sum'), remotes.started.length]).toEqual([3, 1])
})

test('the signal that an answer is there is gone with the answer', async () => {
  const remotes = new Elsewhere()
  const persist = new MemoryStore()
  const options = { remotes, persist, flowId: 'f1', waits: 'release' } as const
  await new Engine(step(), options).run()
  const [attemptId = ''] = remotes.started
  remotes.answers.set(attemptId, 3)
  await persist.sendSignal('f1', attemptId, null)
  await persist.sendSignal('f1', attemptId, null)
  const second = new Engine(step(), options)
  await second.run()
  expect(await second.fetch('sum')).toBe(3)
  expect(await persist.signals('f1')).toEqual([])
})

test('a signal without an answer is dropped, and the step waits on', async () => {
  const remotes = new Elsewhere()
  const persist = new MemoryStore()
  const options = { remotes, persist, flowId: 'f1', waits: 'release' } as const
  await new Engine(step(), options).run()
  await persist.sendSignal('f1', remotes.started[0] ?? '', null)
  const second = new Engine(step(), options)
  await second.run()
  expect([second.state, await persist.signals('f1')]).toEqual(['SUSPENDED', []])
})
