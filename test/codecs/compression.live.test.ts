import { describe, expect, test } from 'vitest'
import { compress, decompress } from '../../src/codecs/compression/compression.ts'
import { python } from './python.ts'

const BODIES = [
  ['nothing', Buffer.alloc(0)],
  ['one byte', Buffer.from('a')],
  ['text', Buffer.from('the quick brown fox '.repeat(100))],
  [
    'long runs',
    Buffer.concat([Buffer.alloc(259, 'a'), Buffer.alloc(4, 'b'), Buffer.alloc(100_000)]),
  ],
  [
    'all bytes',
    Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * at + (at >> 8)) & 0xff)),
  ],
] as const

describe.each([
  ['zlib', 'zlib'],
  ['lzma', 'lzma'],
])('%s', (name, module) => {
  test.each(BODIES)('of %s is read by Python, and read from Python', async (_, body) => {
    expect(pipe(module, 'decompress', await compress(body, name)).equals(body)).toBe(true)
    expect((await decompress(pipe(module, 'compress', body), name)).equals(body)).toBe(true)
  })
})

test.each(BODIES)('bzip2 of %s is read from Python', async (_, body) => {
  expect((await decompress(pipe('bz2', 'compress', body), 'bzip2')).equals(body)).toBe(true)
})

function pipe(module: string, call: string, bytes: Buffer): Buffer {
  const code = `import ${module}, sys; sys.stdout.buffer.write(${module}.${call}(sys.stdin.buffer.read()))`
  return python(code, bytes)
}
