import type { Redis } from 'ioredis'
import { type CeleryApp, chain, chord, group, type TaskContext } from '../../src/index.ts'
import { type Call, taskName } from './build.ts'

type TaggedCall = Call & { readonly tag: string }

class ValueError extends Error {
  override readonly name = 'ValueError'
}

/** Where tasks tell what happened; python/random_workflows.py uses the same. */
export function marksKey(run: string): string {
  return `random-workflows:${run}`
}

/** The tasks of random workflows in this language. Each gets what the step before returned, and its own call last. */
export function addTasks(app: CeleryApp, redis: Redis): void {
  const mark = async ({ run }: TaggedCall, ...what: readonly unknown[]): Promise<void> => {
    await redis.rpush(marksKey(run), JSON.stringify(what))
  }
  const declare = (does: string, then: Then): void => {
    app.task(`export.${does}`, { bind: true, maxRetries: 3 }, async (self, ...args: unknown[]) => {
      const call = args.at(-1) as TaggedCall // as every caller sends it
      const stamp = self.request.stamps.mark
      await mark(call, 'ran', call.tag, ...(stamp === undefined ? [] : [[stamp].flat()]))
      return await then(self, call, args.slice(0, -1))
    })
  }
  declare('wrap', (_self, { tag }, before) => [tag, ...before])
  declare('retry', (self, { tag }, before) => {
    if (self.request.retries === 0) throw self.retry({ countdown: 0 })
    return [tag, ...before]
  })
  declare('break', (_self, { tag }) => {
    throw new ValueError(tag)
  })
  addReplaced(app, declare)
  app.task('export.mark', async (...args: unknown[]) => {
    const call = args.at(-1) as TaggedCall
    await mark(call, 'linked', call.tag, ...args.slice(0, -1))
  })
  app.task('export.error', async (id: string, call: TaggedCall) => {
    await mark(call, 'error', call.tag, id)
  })
}

type Then = (self: TaskContext, call: TaggedCall, before: readonly unknown[]) => unknown

function addReplaced(app: CeleryApp, declare: (does: string, then: Then) => void): void {
  const part = (call: TaggedCall, name: string, before: readonly unknown[] = []) =>
    app.signature(taskName(call, 'wrap', call.tag), [...before, { ...call, tag: call.tag + name }])
  declare('to_task', (self, call, before) => self.replace(part(call, 'a', before)))
  declare('to_chain', (self, call, before) =>
    self.replace(chain(part(call, 'a', before), part(call, 'b'))),
  )
  declare('to_group', (self, call, before) =>
    self.replace(group(part(call, 'a', before), part(call, 'b'))),
  )
  declare('to_chord', (self, call, before) =>
    self.replace(chord([part(call, 'a', before), part(call, 'b')], part(call, 'c'))),
  )
}
