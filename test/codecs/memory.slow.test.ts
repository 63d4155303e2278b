import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { BoundedBytes } from '../../src/codecs/compression/bounded-bytes.ts'
import { compress, decompress } from '../../src/codecs/compression/compression.ts'
import { DEFAULT_LIMITS } from '../../src/codecs/limits.ts'
import { serializerByName } from '../../src/codecs/serializers.ts'
import { waitFor } from '../support/wait-for.ts'

const MEGABYTE = 1024 * 1024

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

test('the pieces of a large body are freed while it is expanded', async () => {
  const output = new BoundedBytes(40 * MEGABYTE)
  const pieces = Array.from({ length: 36 }, (_, at) => added(output, at))
  await waitFor('memory without the pieces', () => pieces.every(isFreed))
  const body = output.finish()
  expect(body).toHaveLength(36 * MEGABYTE)
  expect([body[0], body[MEGABYTE - 1], body[MEGABYTE], body.at(-1)]).toEqual([0, 0, 1, 35])
})

test('a thread that expanded a body does not keep it until the next one', async () => {
  const bytes = Buffer.alloc(10 * MEGABYTE)
  const body = await expandedBody(await compress(bytes, 'xz'))
  await waitFor('memory without the body', () => isFreed(body))
})

test('an id that is kept does not keep the large body that it came in', async () => {
  const before = memoryUsed()
  const id = await idIn(20 * MEGABYTE)
  await waitFor('memory without the body', () => memoryUsed() - before < 5 * MEGABYTE)
  expect(id).toBe('4bc5b52f-3a7e-4bd6-8d26-6a7f4d3c1c1b')
})

/** In functions of their own, so that the tests hold nothing of the bytes. */
function added(output: BoundedBytes, byte: number): WeakRef<Uint8Array> {
  const piece = new Uint8Array(MEGABYTE).fill(byte)
  output.add(piece)
  return new WeakRef(piece)
}

async function expandedBody(compressed: Buffer): Promise<WeakRef<ArrayBufferLike>> {
  const body = await decompress(compressed, 'xz')
  expect(body).toHaveLength(10 * MEGABYTE)
  return new WeakRef(body.buffer)
}

async function idIn(bodyBytes: number): Promise<unknown> {
  const text = `{"padding": "${'a'.repeat(bodyBytes)}", "id": "4bc5b52f-3a7e-4bd6-8d26-6a7f4d3c1c1b"}`
  const body = await serializerByName('json').decodeLarge(Buffer.from(text), {
    limits: DEFAULT_LIMITS,
  })
  return (body as { id: unknown }).id
}

/** Large texts are beside the heap. */
function memoryUsed(): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function isFreed(held: WeakRef<object>): boolean {
  collectGarbage()
  return held.deref() === undefined
}
