import { expect, test } from 'vitest'
import { deferred } from '../../../../src/async/deferred.ts'
import { silentLogger } from '../../../../src/logger.ts'
import { Offsets } from '../../../../src/streams/links/kafka/offsets.ts'

function partitions() {
  const offsets = new Offsets(silentLogger)
  const committed: string[] = []
  const gate = deferred()
  const open = (partition: number, offset: number) =>
    offsets.open({
      partition,
      commit: async () => {
        await gate.promise
        committed.push(`${partition}:${offset}`)
      },
    })
  return { offsets, committed, gate, open }
}

test('an offset is committed once all before it in its partition are done', async () => {
  const { offsets, committed, gate, open } = partitions()
  const [first, second, third] = [open(0, 1), open(0, 2), open(0, 3)]
  gate.resolve()
  second('done')
  await offsets.committed()
  expect(committed).toEqual([])
  first('done')
  await offsets.committed()
  third('stuck')
  await offsets.committed()
  expect(committed).toEqual(['0:2'])
})

test('the latest offset of each partition is committed, though they end in turns while a commit is under way', async () => {
  const { offsets, committed, gate, open } = partitions()
  const places = [open(9, 1), open(0, 1), open(1, 1), open(1, 2), open(0, 2)]
  for (const end of places) end('done')
  gate.resolve()
  await offsets.committed()
  expect(committed).toEqual(['9:1', '0:2', '1:2'])
})
