import { deflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { serializerByName } from '../../src/codecs/serializers.ts'
import { ResultText } from '../../src/results/result-text.ts'
import { readRow, type TaskmetaRow } from '../../src/results/taskmeta-row.ts'
import { turnsWhile } from '../support/turns-while.ts'

const LARGE = Array.from({ length: 60_000 }, (_, at) => ({ id: at, name: `name ${at}` }))
const TOO_MANY = Array.from({ length: 400_000 }, (_, at) => ({ [`key-${at}`]: {} }))

describe.each(['json', 'pickle'] as const)('a stored result in %s', (name) => {
  const row = (value: unknown): TaskmetaRow => ({
    taskId: 'x',
    status: 'SUCCESS',
    result: serializerByName(name).encode(value),
    dateDone: null,
    traceback: null,
    byteLength: 0,
  })

  test('that is large is read while the event loop goes on', async () => {
    const reading = readRow(row(LARGE))
    expect(await turnsWhile(reading)).toBeGreaterThan(1)
    expect((await reading).result).toEqual(LARGE)
  })

  test('that would fill the memory is refused by its name', async () => {
    await expect(readRow(row(Array(4).fill(TOO_MANY).flat()))).rejects.toMatchObject({
      code: 'RESULT_UNREADABLE',
      message: expect.stringMatching(
        /task "x" cannot be read, in column "result" of PostgreSQL: the body of \d+ bytes/,
      ),
    })
  })
})

test('a compressed result that expands beyond the limit is refused by its name', async () => {
  const bomb = deflateSync(Buffer.alloc(70 * 1024 * 1024, ' '))
  const text = Buffer.concat([Buffer.from('\0celery-compressed\0application/x-gzip\0'), bomb])
  await expect(new ResultText().decode('x', text, 'Redis')).rejects.toMatchObject({
    code: 'RESULT_UNREADABLE',
    message: expect.stringContaining('it expands to more than 67108864 bytes'),
  })
})
