import { describe, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/codecs/limits.ts'
import {
  compressMessage,
  expandMessage,
  isCompressed,
} from '../../src/protocol/compressed-message.ts'
import { encodeTask } from '../../src/protocol/tasks/encode-task.ts'
import { messagesIn, recordingsOf } from './recorded.ts'

const PLAIN = encodeTask({ id: 'x', task: 't', args: ['x'.repeat(5000)] })

describe('what Python compressed is expanded, and compressed again it says the same', () => {
  test.each(recordingsOf(['compression']))('%s', async (vector) => {
    const [recorded] = messagesIn(vector)
    const plain = await expandMessage(recorded!.message)
    expect(JSON.parse(plain.body.toString())[0]).toEqual(['x'.repeat(50)])
    expect(isCompressed(plain)).toBe(false)
    if (vector === 'compress-bzip2') return // only read here
    const again = await compressMessage(plain, vector.replace('compress-', ''))
    expect(again.headers).toEqual(recorded!.message.headers)
    expect(await expandMessage(again)).toEqual(plain)
  })
})

test('a message that is not compressed is given back as it is', async () => {
  expect(await expandMessage(PLAIN)).toBe(PLAIN)
})

test('a body that expands beyond the limit is refused', async () => {
  const compressed = await compressMessage(PLAIN, 'zlib')
  await expect(
    expandMessage(compressed, { ...DEFAULT_LIMITS, maxBytes: 1000 }),
  ).rejects.toMatchObject({
    code: 'MESSAGE_TOO_LARGE',
    message: expect.stringContaining('more than 1000 bytes'),
  })
})

test.each([
  ['application/foo', 'unknown compression "application/foo"'],
  ['application/x-gzip', 'application/x-gzip'],
  [5, 'compression is 5, expected the name of a method'],
])('a body that is not what its header %s says is refused', async (compression, message) => {
  const broken = { ...PLAIN, headers: { ...PLAIN.headers, compression } }
  await expect(expandMessage(broken)).rejects.toMatchObject({
    code: 'MESSAGE_UNDECODABLE',
    message: expect.stringContaining(message),
  })
})

test('an unknown method is refused before anything is compressed', async () => {
  await expect(compressMessage(PLAIN, 'nosuch')).rejects.toMatchObject({
    code: 'VALUE_UNENCODABLE',
  })
})
