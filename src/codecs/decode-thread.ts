import { serveThread } from '../async/serve-thread.ts'
import { bzip2Decompress } from './compression/bzip2-reader.ts'
import { xzDecompress } from './compression/xz.ts'
import { zstdDecompress } from './compression/zstd.ts'
import type { DecodeJob } from './decode-in-thread.ts'
import { toThread } from './thread-values.ts'
import { decodeYaml } from './yaml/yaml-reader.ts'

const EXPAND: Readonly<
  Record<string, (bytes: Buffer, maxBytes: number) => Buffer | Promise<Buffer>>
> = {
  'application/x-bz2': bzip2Decompress,
  'application/x-lzma': xzDecompress,
  'application/zstd': zstdDecompress,
}

serveThread(async (job: DecodeJob) => {
  if (job.kind === 'yaml') return toThread(decodeYaml(job.text, job.limits))
  const { contentType, bytes, maxBytes } = job
  const given = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return await EXPAND[contentType]?.(given, maxBytes)
})
