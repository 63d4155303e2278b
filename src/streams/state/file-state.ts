import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { decodeMsgpack, encodeMsgpack } from '../../codecs/msgpack/msgpack.ts'
import { StreamError } from '../../errors.ts'
import { textOfError } from '../../text-of-error.ts'
import type { StateStore } from './state-store.ts'

/** State as msgpack in files of a folder, one a key: written beside, forced to disk, then exchanged as one step. */
export function fileState(folder: string): StateStore {
  const root = resolve(folder)
  return {
    load: async (key) => {
      const path = pathOf(root, key)
      try {
        return decodeMsgpack(await readFile(path))
      } catch (cause) {
        if (isMissing(cause)) return undefined
        throw stateFailed(`cannot read ${path}`, cause)
      }
    },
    save: async (key, state) => {
      const path = pathOf(root, key)
      try {
        await mkdir(root, { recursive: true })
        await write(path, encodeMsgpack(state))
      } catch (cause) {
        throw stateFailed(`cannot write ${path}`, cause)
      }
    },
  }
}

async function write(path: string, bytes: Buffer): Promise<void> {
  const beside = `${path}.new`
  const file = await open(beside, 'w')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
}

/** A key may be any text; a path may not. */
function pathOf(root: string, key: string): string {
  return join(root, `${encodeURIComponent(key).replaceAll('.', '%2E')}.state`)
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

export function stateFailed(problem: string, cause: unknown): StreamError {
  const why = textOfError(cause)
  return new StreamError('STREAM_STATE_FAILED', `state: ${problem}: ${why}`, { cause })
}
