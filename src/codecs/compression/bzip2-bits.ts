/** The marks and the checksum of bzip2: https://en.wikipedia.org/wiki/Bzip2#File_format */
export const BLOCK_MARK = [0x314159, 0x265359] as const
export const END_MARK = [0x177245, 0x385090] as const

/** Symbols one Huffman table serves before the next is chosen. */
export const GROUP_SIZE = 50

/** bzip2's CRC-32 runs from the highest bit, unlike zlib's. */
export function bzip2Crc(bytes: Uint8Array): number {
  let crc = -1
  for (const byte of bytes) crc = (crc << 8) ^ (CRC_TABLE[((crc >>> 24) ^ byte) & 0xff] ?? 0)
  return ~crc >>> 0
}

/** The checksum of the whole stream, from the one so far and that of the next block. */
export function combineCrc(stream: number, block: number): number {
  return (((stream << 1) | (stream >>> 31)) ^ block) >>> 0
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24
  for (let bit = 0; bit < 8; bit += 1) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  return crc
})
