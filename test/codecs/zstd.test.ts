import { expect, test } from 'vitest'
import { decompress } from '../../src/codecs/compression/compression.ts'
import { ProtocolError } from '../../src/errors.ts'

const TEXT = Array.from(
  { length: 20_000 },
  (_, at) => `line ${at % 50} of ${(at * at) % 7}\n`,
).join('')

/** The text as Python's zstandard 0.25 compresses it (level 19). */
const SIZED = Buffer.from(
  'KLUv/aAA6AMARAoA5lUlELBpODyhGpastC1tKfWSuRgvABsAGgDEIASf5xfEICj4nB2PTkEMQrDPpi6IQQj2THVhJIwGo2AONjvmGTWAzLEYGUNBkvKtfCvfyrfyrXwr38q38q18K9/Kt/Kt/DONim/lW/lWvpVv5Vv5Vr6Vb+Vb+Va+lW/lW/k2gG/lW/lWvpVv5Vv5Vr6Vb+Vb+Va+lW/lWxmBQ6gR0Lt3YStomrQGEuBQCBgCK+34IfH+/2997oORVbs6hWM6WxRiQYkp7QKnLQBR0BdpgA9OWwjxBrHQkCCqRpipq6RCJAnRw6kWIZDsy4/kQA/HOgTBkO9okAF8uZO+ThAXlBEpNQGJfHdeo/gg0CeHS0kg5lMh7Qdq5CWEryaQOvLOpRE8X06JZR+hj3zvbBQMD5uaDlAZ3738sow+KrvGR2KxKIjDrig8daZUBVUAAAABAP3ng/u5BgI=',
  'base64',
)
const MAGIC = SIZED.subarray(0, 4)
const BLOCKS = SIZED.subarray(9)
/** The same without its size, as a stream is written: its window, here of 256 KiB or of half a gigabyte, is said instead. */
const STREAMED = Buffer.concat([MAGIC, Buffer.from('0040', 'hex'), BLOCKS])
const LARGE_WINDOW = Buffer.concat([MAGIC, Buffer.from('0098', 'hex'), BLOCKS])
const SKIPPED = Buffer.from('502a4d1803000000abcdef', 'hex')

test.each([
  ['a frame that says its size', SIZED, 1],
  ['a frame that does not', STREAMED, 1],
  ['a frame with a window of half a gigabyte', LARGE_WINDOW, 1],
  ['two frames', Buffer.concat([SIZED, STREAMED]), 2],
  ['two frames that say their size', Buffer.concat([SIZED, SIZED]), 2],
  ['a frame between two that are skipped', Buffer.concat([SKIPPED, SIZED, SKIPPED]), 1],
  ['a large window in the second frame', Buffer.concat([STREAMED, LARGE_WINDOW]), 2],
])('%s is expanded as Python expands it', async (_, bytes, times) => {
  const given = Buffer.from(bytes)
  expect((await decompress(given, 'zstd')).toString()).toBe(TEXT.repeat(times))
  expect(given).toEqual(bytes)
})

test.each([
  [
    'more than the limit',
    sized(0x7fff_ffff, BLOCKS),
    'it expands to more than 35300000 bytes, more than 100000 times',
  ],
  ['more than its blocks can hold', sized(400_000, stored('abc')), 'found blocks for fewer'],
  ['less than its blocks hold', sized(2, stored('abc')), 'expected 2 bytes, as its frame says'],
])('a frame that says it holds %s is refused', async (_, bytes, why) => {
  const error: unknown = await decompress(bytes, 'zstd').catch((cause) => cause)
  expect(error).toBeInstanceOf(ProtocolError)
  expect(String(error)).toContain(why)
})

/** A frame that says so many bytes. */
function sized(size: number, blocks: Buffer): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(size)
  return Buffer.concat([MAGIC, Buffer.from([0xa0]), bytes, blocks])
}

/** One block, the last, of bytes as they are. */
function stored(text: string): Buffer {
  const header = Buffer.alloc(3)
  header.writeUIntLE(text.length * 8 + 1, 0, 3)
  return Buffer.concat([header, Buffer.from(text)])
}
