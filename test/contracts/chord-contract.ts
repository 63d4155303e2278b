import { describe, expect, onTestFinished, test } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import type { TaskResult } from '../../src/protocol/results/task-result.ts'
import type { ChordCounter, ChordMember, ResultStore } from '../../src/results/result-store.ts'
import { failure, freshId, type OpenStore, success } from './stored-results.ts'

const NEVER = async (): Promise<void> => {
  throw new Error('released, and should not have been')
}

/** What every store promises that counts chords; part of the result store contract. */
export function chordContract(name: string, openStore: OpenStore): void {
  describe(`${name} keeps its promises as a counter of chords:`, () => {
    test('the last member releases the chord with all results, in the order of the group', async () => {
      const { store, chords } = await open(openStore)
      const [groupId, members] = chordOf(['a', 'b', 'c'])
      await chords.begin(groupId, 3)
      const [first, second, third] = await saved(store, members)
      expect(await chords.memberDone(third, NEVER)).toBe(true)
      expect(await chords.memberDone(first, NEVER)).toBe(true)
      const released = await releaseBy(chords, second)
      expect(released.map(({ result }) => result)).toEqual(['a', 'b', 'c'])
      expect(released.map(({ taskId }) => taskId)).toEqual(taskIds(members))
    })

    test('a chord that was not begun is not counted, and says so', async () => {
      const { store, chords } = await open(openStore)
      const [, members] = chordOf([1])
      const [only] = await saved(store, members)
      expect(await chords.memberDone(only, NEVER)).toBe(false)
    })

    test('a member that runs twice counts once', async () => {
      const { store, chords } = await open(openStore)
      const [groupId, members] = chordOf([1, 2])
      await chords.begin(groupId, 2)
      const [first, second] = await saved(store, members)
      await chords.memberDone(first, NEVER)
      await chords.memberDone(first, NEVER)
      expect(await releaseBy(chords, second)).toHaveLength(2)
    })

    test('a member that comes again after the release releases nothing', async () => {
      const { store, chords } = await open(openStore)
      const [groupId, members] = chordOf([1])
      await chords.begin(groupId, 1)
      const [only] = await saved(store, members)
      await releaseBy(chords, only)
      expect(await chords.memberDone(only, NEVER)).toBe(true)
    })

    test('a release that fails is made up by the next who counts a member again', async () => {
      const { store, chords } = await open(openStore)
      const [groupId, members] = chordOf([1, 2])
      await chords.begin(groupId, 2)
      const [first, second] = await saved(store, members)
      await chords.memberDone(first, NEVER)
      const failing = chords.memberDone(second, async () => {
        throw new Error('broker away')
      })
      await expect(failing).rejects.toThrow('broker away')
      expect((await releaseBy(chords, first)).map(({ result }) => result)).toEqual([1, 2])
    })

    test('while a chord is being released, who counts a member again waits for it', async () => {
      const { store, chords } = await open(openStore)
      const { chords: others } = await open(openStore)
      const [groupId, members] = chordOf([1])
      await chords.begin(groupId, 1)
      const [only] = await saved(store, members)
      const [started, finish] = [deferred(), deferred()]
      const order: string[] = []
      const releasing = chords.memberDone(only, async () => {
        started.resolve()
        await finish.promise
        order.push('released')
      })
      await started.promise
      const again = [chords, others].map(async (counter) => {
        await counter.memberDone(only, NEVER)
        order.push('again')
      })
      finish.resolve()
      await Promise.all([releasing, ...again])
      expect(order).toEqual(['released', 'again', 'again'])
    })

    test('members that fail or are revoked are done too, and say so in the release', async () => {
      const { store, chords } = await open(openStore)
      const exception = { excType: 'ValueError', excModule: 'builtins', excMessage: ['bad'] }
      const revoked = { excType: 'TaskRevokedError', excModule: 'x', excMessage: ['revoked'] }
      const groupId = freshId()
      const results: TaskResult[] = [
        failure(exception, null),
        success(1),
        { ...failure(revoked, null), status: 'REVOKED' },
      ]
      const members = results.map((result, groupIndex) => ({ groupId, groupIndex, result }))
      const [first, second, third] = await saved(store, members)
      await chords.begin(groupId, 3)
      await chords.memberDone(first, NEVER)
      await chords.memberDone(second, NEVER)
      expect(await releaseBy(chords, third)).toMatchObject([
        { status: 'FAILURE', result: exception },
        { status: 'SUCCESS', result: 1 },
        { status: 'REVOKED', result: revoked },
      ])
    })

    test('members without an index come last', async () => {
      const { store, chords } = await open(openStore)
      const [groupId, members] = chordOf(['late', 'first'])
      await chords.begin(groupId, 2)
      const [late, first] = await saved(store, members)
      await chords.memberDone({ ...late, groupIndex: null }, NEVER)
      const released = await releaseBy(chords, first)
      expect(released.map(({ result }) => result)).toEqual(['first', 'late'])
    })

    test('members counted by many stores at once, and twice, release each chord once', async () => {
      const stores = await Promise.all([1, 2, 3].map(() => open(openStore)))
      const [{ store, chords }] = stores as [OpenedStore]
      const all = [...Array(12).keys()].map(() => chordOf([...Array(20).keys()]))
      await Promise.all(all.map(([groupId]) => chords.begin(groupId, 20)))
      await Promise.all(all.map(([, members]) => saved(store, members)))
      const released: string[] = []
      const counting = all.flatMap(([groupId, members]) =>
        [...members, ...members.toReversed()].map((member, n) =>
          stores[n % 3]?.chords.memberDone(member, async (results) => {
            expect(results.map(({ result }) => result)).toEqual([...Array(20).keys()])
            released.push(groupId)
          }),
        ),
      )
      await Promise.all(counting)
      expect(released).toHaveLength(all.length)
      expect(new Set(released)).toEqual(new Set(all.map(([groupId]) => groupId)))
    })

    test('members saved and counted in one step, by many stores and twice, release their chord once', async () => {
      const stores = await Promise.all([1, 2, 3].map(() => open(openStore)))
      const [{ store, chords }] = stores as [OpenedStore]
      const values = [...Array(300).keys()]
      const [groupId, members] = chordOf(values)
      await chords.begin(groupId, values.length)
      const released: unknown[] = []
      const answers = [...members, ...members.toReversed()].map((member, n) =>
        stores[n % 3]?.chords.saveMember(member, async (results) => {
          released.push(results.map(({ result }) => result))
        }),
      )
      expect(new Set(await Promise.all(answers))).toEqual(new Set([true]))
      expect(released).toEqual([values])
      const [first] = members as [ChordMember]
      expect(await store.get(first.result.taskId)).toMatchObject({ status: 'SUCCESS', result: 0 })
    })

    test('a member of a chord that was not begun is saved, and not counted', async () => {
      const { store, chords } = await open(openStore)
      const [, [only]] = chordOf(['kept']) as [string, [ChordMember]]
      expect(await chords.saveMember(only, NEVER)).toBe(false)
      expect((await store.get(only.result.taskId)).result).toBe('kept')
    })

    test('a member whose result cannot be stored is not counted either', async () => {
      const { chords } = await open(openStore)
      const [groupId, [only]] = chordOf([() => 'no form']) as [string, [ChordMember]]
      await chords.begin(groupId, 1)
      await expect(chords.saveMember(only, NEVER)).rejects.toThrow(/function/)
      const result = { ...only.result, result: 'fine' }
      expect(taskIds([{ ...only, result }])).toEqual(
        (await releaseBy(chords, { ...only, result })).map(({ taskId }) => taskId),
      )
    })

    test('a chord begun again before its release keeps its count', async () => {
      const { store, chords } = await open(openStore)
      const [groupId, members] = chordOf([1, 2])
      await chords.begin(groupId, 2)
      const [first, second] = await saved(store, members)
      await chords.memberDone(first, NEVER)
      await chords.begin(groupId, 2)
      expect(await releaseBy(chords, second)).toHaveLength(2)
    })

    test('a chord begun again after its release is a new one', async () => {
      const { store, chords } = await open(openStore)
      const [groupId, members] = chordOf([1])
      const [only] = await saved(store, members)
      for (const _round of [1, 2]) {
        await chords.begin(groupId, 1)
        expect(await releaseBy(chords, only)).toHaveLength(1)
      }
    })

    test('a chord of 10,000 members takes seconds', async () => {
      const { chords } = await open(openStore)
      const [groupId, members] = chordOf([...Array(10_000).keys()])
      await chords.begin(groupId, members.length)
      const begunAt = performance.now()
      const releases: number[] = []
      const done = members.map(async (member) => {
        await chords.saveMember(member, async (results) => void releases.push(results.length))
      })
      await Promise.all(done)
      expect(releases).toEqual([10_000])
      expect(performance.now() - begunAt).toBeLessThan(20_000)
    })
  })

  describe(`${name} keeps its promises as a keeper of groups:`, () => {
    test('a saved group gives back the ids of its members, in their order', async () => {
      const { store } = await open(openStore)
      const [groupId, members] = [freshId(), ['c', 'a', 'b']]
      await store.saveGroup?.(groupId, members)
      expect(await store.restoreGroup?.(groupId)).toEqual(members)
    })

    test('a group saved again has its new members', async () => {
      const { store } = await open(openStore)
      const groupId = freshId()
      await store.saveGroup?.(groupId, ['old'])
      await store.saveGroup?.(groupId, [])
      expect(await store.restoreGroup?.(groupId)).toEqual([])
    })

    test('a group that was not saved, or was forgotten, is null', async () => {
      const { store } = await open(openStore)
      const groupId = freshId()
      expect(await store.restoreGroup?.(groupId)).toBeNull()
      await store.saveGroup?.(groupId, ['a'])
      await store.forgetGroup?.(groupId)
      expect(await store.restoreGroup?.(groupId)).toBeNull()
    })
  })
}

/** What stores promise that other processes share. */
export function abandonedChordContract(name: string, openStore: OpenStore): void {
  describe(`${name} keeps its promises to chords that were abandoned:`, () => {
    test('who comes later releases a chord that its last member could not, once', async () => {
      const [{ chords }, { chords: others }] = [await open(openStore), await open(openStore)]
      const [groupId, members] = chordOf(['a', 'b'])
      await chords.begin(groupId, 2)
      const failing = members.map((member) =>
        chords.saveMember({ ...member, body: () => `body of ${groupId}` }, async () => {
          throw new Error('broker away')
        }),
      )
      expect((await Promise.allSettled(failing)).map(({ status }) => status)).toContain('rejected')
      const releases: unknown[] = []
      const look = () =>
        others.releaseAbandoned?.((body) =>
          body === `body of ${groupId}`
            ? async (results) => void releases.push(results.map(({ result }) => result))
            : undefined,
        )
      expect(await look()).toBe(1)
      expect(await look()).toBe(0)
      expect(releases).toEqual([['a', 'b']])
    })

    test('a chord that no one can release keeps none behind it', async () => {
      const { chords } = await open(openStore)
      const groups = [chordOf(['a']), chordOf(['b']), chordOf(['c'])]
      for (const [groupId, members] of groups) {
        await chords.begin(groupId, 1)
        const failing = members.map((member) =>
          chords.saveMember({ ...member, body: () => `body of ${groupId}` }, async () => {
            throw new Error('broker away')
          }),
        )
        await Promise.allSettled(failing)
      }
      const released: string[] = []
      const looking = chords.releaseAbandoned?.((body) => {
        if (body === `body of ${groups[0]?.[0]}`) throw new Error('the body is spoiled')
        if (!groups.some(([groupId]) => body === `body of ${groupId}`)) return undefined
        return async () => void released.push(body)
      })
      await expect(looking).rejects.toThrow('the body is spoiled')
      const behind = groups.slice(1).map(([groupId]) => `body of ${groupId}`)
      expect(new Set(released)).toEqual(new Set(behind))
      await chords.releaseAbandoned?.((body) =>
        body === `body of ${groups[0]?.[0]}` ? async () => undefined : undefined,
      )
    })

    test('a chord that is not complete, or was released, is not abandoned', async () => {
      const { chords } = await open(openStore)
      const bodies: string[] = []
      const body = (text: string) => () => `${text} ${groupId}`
      const [groupId, [first, second]] = chordOf([1, 2]) as [string, [ChordMember, ChordMember]]
      const look = () =>
        chords.releaseAbandoned?.((text) => {
          if (text.includes(groupId)) bodies.push(text)
          return undefined
        })
      await chords.begin(groupId, 2)
      await chords.saveMember({ ...first, body: body('first') }, NEVER)
      await look()
      await chords.saveMember({ ...second, body: body('second') }, async () => undefined)
      await look()
      expect(bodies).toEqual([])
    })
  })
}

type Three = readonly [ChordMember, ChordMember, ChordMember]

interface OpenedStore {
  readonly store: ResultStore
  readonly chords: ChordCounter
}

async function open(openStore: OpenStore): Promise<OpenedStore> {
  const store = await openStore()
  onTestFinished(() => store.close())
  if (store.chords === undefined) throw new Error(`${store.kind} counts no chords`)
  return { store, chords: store.chords }
}

/** The members of a chord, with these values. */
export function chordOf(values: readonly unknown[]): readonly [string, ChordMember[]] {
  const groupId = freshId()
  const members = values.map((value, groupIndex) => ({
    groupId,
    groupIndex,
    result: success(value),
  }))
  return [groupId, members]
}

/** Saves the results of members; tests name the first three. */
async function saved(store: ResultStore, members: readonly ChordMember[]): Promise<Three> {
  await Promise.all(members.map(({ result }) => store.save(result)))
  return members as readonly ChordMember[] as Three // as the caller made them
}

/** Counts a member that has to release the chord, and gives what it was released with. */
export async function releaseBy(
  chords: ChordCounter,
  member: ChordMember,
): Promise<readonly TaskResult[]> {
  let released: readonly TaskResult[] | undefined
  await chords.memberDone(member, async (results) => {
    released = results
  })
  if (released === undefined) throw new Error('not released')
  return released
}

function taskIds(members: readonly ChordMember[]): readonly string[] {
  return members.map(({ result }) => result.taskId)
}
