import { expect, test } from 'vitest'
import { TextCache } from '../../../src/brokers/headers/text-cache.ts'

test('bytes that are no UTF-8 are not taken for a known text with the same characters in Latin-1', () => {
  const cache = new TextCache()
  // Of all texts with a character beyond ASCII, one that has its place in the cache where its Latin-1 bytes have theirs.
  for (let number = 0; number < 1_000; number += 1) {
    const text = `${number.toString(36)}£${number.toString(36)}`
    expect(read(cache, Buffer.from(text))).toBe(text)
    expect(read(cache, Buffer.from(text, 'latin1'))).toBe(text.replace('£', '\ufffd'))
  }
})

function read(cache: TextCache, bytes: Buffer): string {
  return cache.textOf(bytes, 0, bytes.length)
}
