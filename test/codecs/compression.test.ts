import { deflateSync, inflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compress, compressionFor, decompress } from '../../src/codecs/compression/compression.ts'
import { ProtocolError } from '../../src/errors.ts'
import { recordedMessage } from './vectors.ts'

const NAMES = ['zlib', 'brotli', 'lzma', 'zstd']

interface Sample {
  readonly bytes: Buffer
  /** As Python's bz2 compresses them, since bzip2 is only read here. */
  readonly bzip2: string
}

const ZEROS: Sample = {
  bytes: Buffer.alloc(300_000),
  bzip2: 'QlpoOTFBWSZTWd9HTW8AAkxAgMAABAAACCAAMMwFKaYURsRRHi7kinChIb6Omt4=',
}
const HELLO: Sample = {
  bytes: Buffer.from('hello world, hello world'),
  bzip2: 'QlpoOTFBWSZTWcNdy64AAAQRgEAEBkSQgCAAISppmIIMmIplsZ9Qgg0gjhdyRThQkMNdy64=',
}
const FOX: Sample = {
  bytes: Buffer.from('the quick brown fox jumps over the lazy dog'.repeat(5)),
  bzip2:
    'QlpoOTFBWSZTWX0dNpEAAFmRgEAAP///8CAAcFNGgDQAAIqTU0abSMJtM1JRITVIT2lUklU3TJNkkmwl0wTlLCXSabpJMEhPyTSicpZJp9SqXSaWSEhNVe07T+LuSKcKEg+jptIg',
}

async function compressed({ bytes, bzip2 }: Sample, name: string): Promise<Buffer> {
  return name === 'bzip2' ? Buffer.from(bzip2, 'base64') : await compress(bytes, name)
}

test.each(['zlib', 'gzip', 'bzip2', 'brotli', 'lzma'])(
  'what Celery compressed with %s is expanded',
  async (name) => {
    const { headers, body } = recordedMessage(`compress-${name}`)
    const text = await decompress(body, String(headers.compression))
    expect(JSON.parse(text.toString()).slice(0, 2)).toEqual([['x'.repeat(50)], {}])
    if (name !== 'bzip2') expect(compressionFor(name).contentType).toBe(headers.compression)
  },
)

test('a zlib body is a zlib stream under the name of gzip, as in Python', async () => {
  const { body } = recordedMessage('compress-zlib')
  const expanded = await decompress(body, 'application/x-gzip')
  expect((await compress(expanded, 'gzip')).subarray(0, 2)).toEqual(body.subarray(0, 2))
  expect(inflateSync(await compress(expanded, 'gzip'))).toEqual(expanded)
})

test.each([
  ['gzip', 'application/x-gzip'],
  ['xz', 'application/x-lzma'],
  ['zstd', 'application/zstd'],
])('%s is an alias of %s', (name, contentType) => {
  expect(compressionFor(name)).toMatchObject({ contentType })
})

describe.each(NAMES)('%s', (name) => {
  test('any bytes are the same after compressing and expanding', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }),
      fc
        .array(fc.constantFrom('a', 'ab', 'aaaa'), { maxLength: 500 })
        .map((all) => Buffer.from(all.join(''))),
    )
    await fc.assert(
      fc.asyncProperty(bytes, async (each) => {
        expect(await decompress(await compress(each, name), name)).toEqual(Buffer.from(each))
      }),
    )
  })

  test('a large body is the same after compressing and expanding', async () => {
    const bytes = Buffer.from(Array.from({ length: 250_000 }, (_, at) => (at * at) % 251))
    expect((await decompress(await compress(bytes, name), name)).equals(bytes)).toBe(true)
  })
})

describe.each([...NAMES, 'bzip2'])('reading %s', (name) => {
  test('a body that grows too large is refused, and the next one is read', async () => {
    const bomb = await compressed(ZEROS, name)
    await expect(decompress(bomb, name, { maxBytes: 1000 })).rejects.toThrow(
      'it expands to more than 1000 bytes',
    )
    expect(await decompress(bomb, name)).toHaveLength(300_000)
  })

  test.each([0.1, 0.5, 0.9])('%d of a body is refused', async (part) => {
    const bytes = await compressed(HELLO, name)
    const cut = bytes.subarray(0, Math.floor(bytes.length * part))
    await expect(decompress(cut, name)).rejects.toThrow(ProtocolError)
  })

  test('garbage is refused, saying what it is not', async () => {
    const error = await decompress(Buffer.from('garbage, garbage'), name).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'MESSAGE_UNDECODABLE' })
    expect(error.message).toContain(`cannot expand the body of 16 bytes as ${name}`)
    expect(error.cause).toBeInstanceOf(Error)
  })

  test('any damage ends in bytes or a ProtocolError', async () => {
    const good = await compressed(FOX, name)
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.nat(255), async (at, byte) => {
        const bad = Buffer.from(good).fill(byte, at, at + 1)
        const outcome = await decompress(bad, name, { maxBytes: 1e6 }).catch((error) => error)
        expect(Buffer.isBuffer(outcome) || outcome instanceof ProtocolError).toBe(true)
      }),
    )
  })
})

test.each(['bzip2', 'bzip', 'application/x-bz2'])(
  '%s is not written, and gzip named',
  async (name) => {
    const refused = {
      code: 'VALUE_UNENCODABLE',
      message: `"${name}" is read here and not written; use gzip`,
    }
    expect(() => compressionFor(name)).toThrow(expect.objectContaining(refused))
    await expect(compress(Buffer.from('x'), name)).rejects.toMatchObject(refused)
  },
)

test('an unknown compression is refused, naming the known ones', async () => {
  await expect(decompress(Buffer.from('x'), 'application/x-lz4')).rejects.toThrow(
    'unknown compression "application/x-lz4"; expected gzip or zlib (application/x-gzip), bzip2',
  )
  expect(() => compressionFor('rar')).toThrow(
    expect.objectContaining({ code: 'VALUE_UNENCODABLE' }),
  )
})

test('nothing about expanding touches the process', async () => {
  const before = process.listenerCount('unhandledRejection')
  for (const name of NAMES) await decompress(await compress(Buffer.from('a'), name), name)
  expect(process.listenerCount('unhandledRejection')).toBe(before)
})

test('a real gzip file is not what Celery means', async () => {
  await expect(decompress(Buffer.from('1f8b0800', 'hex'), 'application/x-gzip')).rejects.toThrow(
    'incorrect header check',
  )
  expect(await decompress(deflateSync('a'), 'application/x-gzip')).toEqual(Buffer.from('a'))
})
