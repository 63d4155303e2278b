import { readFile } from 'node:fs/promises'
import { expect } from 'vitest'
import { type CallOptions, chain, chord, group, type Signature } from '../../src/index.ts'
import { waitFor } from '../support/wait-for.ts'
import type { FeatureName } from './features.ts'
import { type NodeCase, type NodePlace, PATIENCE_MS, WAIT } from './node-place.ts'
import { tell } from './node-tasks.ts'
import { timeCases } from './node-time-cases.ts'
import { treeCases } from './node-tree-cases.ts'

const PATIENCE = { deadlineMs: PATIENCE_MS }

/** Node calls, Python runs (and Node what a workflow has for it): one case a row of the matrix. */
export const NODE_CASES: Readonly<Record<FeatureName, NodeCase>> = {
  ...plainCases(),
  ...failureCases(),
  ...stateCases(),
  ...canvasCases(),
  ...mapCases(),
  ...linkCases(),
  ...timeCases(),
  ...treeCases(),
}

function plainCases() {
  return {
    call: async ({ call }) => expect(await call('python.add', [2, 3])).toBe(5),
    kwargs: async ({ call }) => {
      const echo = { args: [1, 'é', [null, { a: 1.5 }]], kwargs: { k: true, text: 'ü' } }
      expect(await call('python.echo', echo.args, echo.kwargs)).toEqual(echo)
    },
    typed: async ({ call, typed, column }) => {
      expect(await call(typed.task)).toEqual(typed.fromPython)
      const sent = column.python === 'new' ? typed.ours : { big: 2n ** 70n, float: 1.5 }
      const echo = (await call('python.echo', [sent])) as { args: unknown[] }
      expect(echo.args).toEqual([sent])
    },
    ignore_result: async ({ app, call, path }) => {
      const file = path()
      const called = await app.sendTask('python.mark', [1, file], {}, { ignoreResult: true })
      await told(file)
      await call('python.add', [1, 1])
      expect(await called.isReady()).toBe(false)
    },
    compression: async ({ call }) => {
      const text = 'Ünïcødé'.repeat(200)
      for (const compression of ['zlib', 'gzip']) {
        const echo = await call('python.echo', [text], {}, { compression })
        expect(echo).toEqual({ args: [text], kwargs: {} })
      }
    },
    priority: async ({ app, sig }) => {
      const steps = chain(
        sig('python.priority').set({ priority: 3 }),
        sig('export.priority').set({ priority: 5 }),
        sig('python.priority').set({ priority: 7 }),
      )
      expect(await (await steps.applyAsync()).get(WAIT)).toEqual([3, 5, 7])
      expect(
        await (await app.sendTask('python.priority', [], {}, { priority: 4 })).get(WAIT),
      ).toEqual([4])
    },
    headers: async ({ call, sig, si }) => {
      const headers = { tenant: 'Ünïcødé' }
      expect(await call('python.header', ['tenant'], {}, { headers })).toBe('Ünïcødé')
      const steps = chain(sig('export.add', 1, 1), si('python.header', 'tenant').set({ headers }))
      expect(await (await steps.applyAsync()).get(WAIT)).toBe('Ünïcødé')
    },
  } satisfies Partial<Record<FeatureName, NodeCase>>
}

function failureCases() {
  return {
    exceptions: async ({ failure }) => {
      expect(await failure('python.fail', ['boom', 3, null])).toMatchObject({
        excType: 'ValueError',
        excModule: 'builtins',
        excArgs: ['boom', 3, null],
        message: expect.stringContaining('boom'),
        state: 'FAILURE',
        traceback: expect.stringMatching(/Traceback[\s\S]*raise ValueError/),
      })
      expect(await failure('python.fail_custom', ['no parcel', { id: 7 }])).toMatchObject({
        excType: 'PlotError',
        excModule: 'toolbox_app',
        excArgs: ['no parcel', { id: 7 }],
      })
    },
    cause: async ({ failure }) => {
      expect(await failure('python.fail_because')).toMatchObject({
        excType: 'ValueError',
        traceback: expect.stringMatching(/KeyError: 'the cause'[\s\S]*direct cause[\s\S]*effect/),
      })
    },
    unserialisable: async ({ failure }) => {
      const error = (await failure('python.fail_oddly')) as { excArgs: unknown[] }
      expect(error).toMatchObject({ excType: 'OddError', state: 'FAILURE' })
      expect(String(error.excArgs)).toContain('odd')
    },
    unknown_task: async ({ failure }) => {
      expect(await failure('python.nobody_knows')).toMatchObject({
        excType: 'NotRegistered',
        excArgs: ['python.nobody_knows'],
      })
    },
    retry: async ({ call }) => expect(await call('python.flaky', [2])).toBe(2),
    autoretry: async ({ call }) => expect(await call('python.auto', [2])).toBe(2),
    exhausted: async ({ failure }) => {
      for (const name of ['python.flaky', 'python.auto']) {
        expect(await failure(name, [99])).toMatchObject({
          excType: 'ConnectionError',
          excArgs: ['attempt 3'],
        })
      }
    },
    ignore: async ({ app, call, path }) => {
      const file = path()
      const ignored = await app.sendTask('python.ignored', [file])
      await told(file)
      await call('python.add', [1, 1])
      expect(await ignored.isReady()).toBe(false)
    },
    reject: async ({ app, call, failure, path, column }) => {
      expect(await call('python.rejected', [path()])).toBe('second time')
      if (column.python === 'old') {
        const rejected = await app.sendTask('python.rejected')
        await call('python.add', [1, 1])
        // Celery 5.2 stores nothing of what is rejected for good.
        expect(await rejected.isReady()).toBe(false)
        return
      }
      expect(await failure('python.rejected')).toMatchObject({
        excType: 'Reject',
        excArgs: ['no thanks', false],
      })
    },
  } satisfies Partial<Record<FeatureName, NodeCase>>
}

function stateCases() {
  return {
    states: async ({ app, path }) => {
      const gate = path()
      const result = await app.sendTask('python.progress', [gate])
      const seen = await waitFor(
        'its progress',
        async () => {
          const { status, result: meta } = await result.info()
          return status === 'PROGRESS' && meta
        },
        PATIENCE,
      )
      expect(seen).toEqual({ done: 3 })
      tell(gate, 'go on')
      expect(await result.get(WAIT)).toBe('done')
    },
    started: async ({ app, path }) => {
      const gate = path()
      const result = await app.sendTask('python.held', [gate])
      const seen = await waitFor(
        'its start',
        async () => {
          const { status, result: meta } = await result.info()
          return status === 'STARTED' && meta
        },
        PATIENCE,
      )
      expect(seen).toEqual({ pid: expect.any(Number), hostname: expect.stringMatching(/@/) })
      tell(gate, 'go on')
      expect(await result.get(WAIT)).toBe('done')
    },
    expiry: async (place) => {
      const result = await place.app.sendTask('python.add', [1, 1])
      await result.get(WAIT)
      await place.expires(result.id)
    },
    saved_group: async ({ app, call, sig }) => {
      const members = await group(sig('python.add', 1, 1), sig('export.add', 2, 2)).applyAsync()
      await members.join(WAIT)
      expect(await members.completedCount()).toBe(2)
      await members.save()
      const ids = members.results.map(({ id }) => id)
      expect(await call('python.restored', [members.id])).toEqual(ids)
      expect(await (await app.restoreGroup(members.id))?.join(WAIT)).toEqual([2, 4])
    },
    children: async ({ app }) => {
      const result = await app.sendTask<string[]>('python.family')
      const ids = await result.get(WAIT)
      const { children } = await result.info()
      expect(children?.map((child) => [child].flat(2)[0]).toSorted()).toEqual(ids.toSorted())
    },
  } satisfies Partial<Record<FeatureName, NodeCase>>
}

function canvasCases() {
  return {
    chain: async ({ sig, value }) => {
      const steps = chain(
        sig('python.add', 1, 1),
        sig('export.add', 10),
        sig('python.add', 100),
        sig('export.add', 1_000),
        sig('python.add', 10_000),
      )
      expect(await value(steps)).toBe(11_112)
    },
    chain_error: async ({ sig, si, failureOf }) => {
      for (const [breaks, excType] of [
        ['export.fail', 'RangeError'],
        ['python.fail', 'ValueError'],
      ] as const) {
        const steps = chain(
          sig('python.add', 1, 1),
          si(breaks, 'broken'),
          sig('python.add', 1),
          sig('export.add', 1),
        )
        expect(await failureOf(steps)).toMatchObject({ excType, excArgs: ['broken'] })
      }
    },
    group: async ({ sig }) => {
      const names = ['python.add', 'export.add', 'python.add', 'export.add']
      const members = await group(...names.map((name, n) => sig(name, n, n))).applyAsync()
      expect(await members.join(WAIT)).toEqual([0, 2, 4, 6])
    },
    chord: async ({ sig, value }) => {
      const header = [0, 1, 2, 3].map((n) => sig(n % 2 ? 'export.add' : 'python.add', n, n))
      expect(await value(chord(header, sig('python.total')))).toBe(12)
      expect(await value(chord(header, sig('export.total')))).toBe(12)
    },
    chord_unlock: async ({ sig, value }) => {
      // Members elsewhere: nobody counts them. Here only the Python worker takes from the queue celery.
      const header = [sig('python.add', 1, 1), sig('python.add', 2, 2)]
      expect(await value(chord(header, sig('python.total')))).toBe(6)
    },
    chord_error: async ({ sig, failureOf, path }) => {
      for (const breaks of ['python.fail', 'export.fail']) {
        const file = path()
        const errback = sig('python.mark_id', file)
        const body = sig('export.total').linkError(errback)
        const failing = chord([sig('python.add', 1, 1), sig(breaks, 'broken')], body)
        const error = await failureOf(failing)
        expect(error).toMatchObject({ excType: 'ChordError', excModule: 'celery.exceptions' })
        expect(String(error)).toContain('broken')
        expect(await told(file)).toHaveLength(1)
      }
    },
    nested: async ({ sig, value }) => {
      const whole = threeDeep(sig, sig('export.add', 10), sig('python.add', 1))
      expect(await value(whole)).toBe(57)
      expect(await value(chain(whole, sig('export.add', 9)))).toBe(66)
    },
    nested_error: async ({ sig, si, failureOf, column }) => {
      for (const breaks of ['python.fail', 'export.fail']) {
        const step = si(breaks, 'deep inside')
        // With Redis, Celery tells nobody who waits for a chord within a chord: there it is the middle that breaks.
        const whole =
          column.backend === 'redis'
            ? threeDeep(sig, step, sig('python.add', 1))
            : threeDeep(sig, sig('export.add', 10), step)
        expect(String(await failureOf(whole))).toContain('deep inside')
      }
    },
    immutable: async ({ sig, si, value }) => {
      const fixed = [si('python.add', 3, 4), si('export.add', 5, 6)]
      expect(await value(chain(sig('export.add', 1, 1), ...fixed))).toBe(11)
      expect(await value(chain(sig('export.add', 1, 1), ...fixed.toReversed()))).toBe(7)
    },
    partials: async ({ app, sig }) => {
      const partial = sig('python.add', 10)
      expect(await (await partial.applyAsync([5])).get(WAIT)).toBe(15)
      expect(await (await partial.clone([6]).applyAsync()).get(WAIT)).toBe(16)
      const echo = app.signature('python.echo', [2], { b: 2 }).clone([1], { a: 1, b: 3 })
      expect(await (await echo.applyAsync()).get(WAIT)).toEqual({
        args: [1, 2],
        kwargs: { a: 1, b: 3 },
      })
    },
    replace: async ({ call, sig, value }) => {
      expect(await call('python.replaced', [1])).toBe(3)
      const steps = chain(sig('python.replaced', 1), sig('export.add', 10), sig('python.add', 100))
      expect(await value(steps)).toBe(113)
    },
    stamps: async ({ sig, value }) => {
      const steps = chain(sig('python.marks'), sig('export.marks'), sig('python.marks'))
      expect(await value(steps.stamp({ mark: 'seen' }))).toEqual(['seen', 'seen', 'seen'])
    },
  } satisfies Partial<Record<FeatureName, NodeCase>>
}

function mapCases() {
  const PAIRS = [
    [1, 2],
    [3, 4],
    [5, 6],
  ]
  return {
    map: async ({ sig, value }) => {
      expect(await value(sig('python.total').map(PAIRS))).toEqual([3, 7, 11])
    },
    starmap: async ({ sig, value }) => {
      expect(await value(sig('python.add').starmap(PAIRS))).toEqual([3, 7, 11])
      const steps = chain(sig('python.add').starmap(PAIRS), sig('export.total'))
      expect(await value(steps)).toBe(21)
    },
    chunks: async ({ sig, value }) => {
      expect(await value(sig('python.add').chunks(PAIRS, 2))).toEqual([[3, 7], [11]])
    },
  } satisfies Partial<Record<FeatureName, NodeCase>>
}

function linkCases() {
  return {
    link: async ({ app, sig, path }) => {
      const [here, there, both] = [path(), path(), path()]
      await app.sendTask('python.add', [1, 2], {}, { link: sig('export.mark', here) })
      await app.sendTask('export.add', [1, 2], {}, { link: sig('python.mark', there) })
      const many = [sig('export.add', 1).link(sig('python.mark', both)), sig('python.add', 1)]
      await app.sendTask('python.add', [1, 2], {}, { link: many })
      expect(await Promise.all([here, there, both].map(told))).toEqual([[3], [3], [4]])
    },
    link_error_id: async ({ app, sig, path }) => {
      const [here, there] = [path(), path()]
      const first = await app.sendTask(
        'python.fail',
        ['x'],
        {},
        linkError(sig('export.mark', here)),
      )
      const other = await app.sendTask(
        'export.fail',
        ['x'],
        {},
        linkError(sig('python.mark', there)),
      )
      expect(await Promise.all([here, there].map(told))).toEqual([[first.id], [other.id]])
    },
    link_error_here: async ({ app, sig, path }) => {
      const file = path()
      const failing = await app.sendTask(
        'python.fail',
        ['broken'],
        {},
        linkError(sig('python.errback', file)),
      )
      expect(await told(file)).toEqual([failing.id, 'ValueError', ['broken']])
    },
  } satisfies Partial<Record<FeatureName, NodeCase>>
}

/** A chain of a task, a group of a chain and a chord with a chain in it, and what sums it up; languages alternate. */
function threeDeep(sig: NodePlace['sig'], middleStep: Signature, deepest: Signature): Signature {
  const members = [sig('export.add', 20), chain(sig('python.add', 10), deepest)]
  const inner = chord(members, sig('export.total'))
  const middle = group(chain(sig('python.add', 10), middleStep), inner)
  return chain(sig('export.add', 1, 1), middle, sig('python.total'))
}

function linkError(errback: Signature): CallOptions {
  return { linkError: errback }
}

/** What a task has told in that file. */
export async function told(file: string): Promise<unknown> {
  const text = await waitFor('the file of a task', () => readFile(file, 'utf8'), PATIENCE)
  return JSON.parse(text)
}
