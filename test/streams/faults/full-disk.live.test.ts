import { spawnSync } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../../../src/logger.ts'
import {
  Block,
  type FileMessage,
  fileState,
  files,
  operator,
  Received,
  recordTo,
  scan,
  tap,
} from '../../../src/streams/index.ts'
import { waitFor } from '../../support/wait-for.ts'
import { Collector, settlementOf } from '../support/parts.ts'

const canMount = process.getuid?.() === 0

test.skipIf(!canMount)(
  'a full disk under the watcher: what was written is reported, and what comes once there is room',
  async () => {
    const folder = await smallDisk()
    const out = new Collector<FileMessage>()
    const block = new Block(
      'watch',
      operator((message: unknown) => message),
      {
        listeners: [files.watch(folder, { settleMs: 50 })],
        publishers: [out],
      },
    )
    await block.start()
    const name = (file: string) => join(folder, file)
    expect(fill(name('cut-off.h5'))).toBe('ENOSPC')
    await waitFor('the file that was cut off', () => out.messages.length >= 1)
    await rm(name('cut-off.h5'))
    await writeFile(name('whole.h5'), 'frames')
    const hasSeen = (file: string, change: string) =>
      out.messages.some((seen) => seen.file_path === name(file) && seen.change === change)
    await waitFor('the end of the file that was cut off', () => hasSeen('cut-off.h5', 'deleted'))
    await waitFor('the file after it', () => hasSeen('whole.h5', 'added'))
    await block.stop()
    expect(hasSeen('cut-off.h5', 'added')).toBe(true)
    expect(block.stats.failed).toBe(0)
  },
)

test.skipIf(!canMount)(
  'a full disk under kept state: the message fails and stays with its source, the state as it was',
  async () => {
    const folder = await smallDisk()
    const fates: string[] = []
    const store = fileState(folder)
    const message = (value: number) =>
      new Received({ value, settlement: settlementOf(String(value), fates) })
    const block = new Block(
      'sum',
      scan((sum: number, n: number) => sum + n, 0, { store }),
      {
        listeners: [
          (async function* () {
            yield message(1)
            await waitFor('the first to be kept', () => fates.length === 1)
            fill(join(folder, 'filler'))
            yield message(2)
          })(),
        ],
        onError: 'stop',
        logger: silentLogger,
      },
    )
    await expect(block.run()).rejects.toThrow(/failed on message 2.*ENOSPC/)
    expect(fates).toEqual(['ack 1', 'back 2'])
    expect(await store.load('sum')).toBe(1)
  },
)

test.skipIf(!canMount)('a full disk under a recording: the run fails with it', async () => {
  const folder = await smallDisk()
  const block = new Block('record', tap(), {
    listeners: [Array.from({ length: 64 }, () => Buffer.alloc(100_000))],
    publishers: [recordTo(join(folder, 'run.jsonl'))],
    logger: silentLogger,
    onError: 'stop',
  })
  await expect(block.run()).rejects.toThrow(/ENOSPC/)
})

/** A file system of two megabytes. */
async function smallDisk(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'small-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder])
  expect(String(mounted.stderr)).toBe('')
  onTestFinished(async () => {
    spawnSync('umount', ['-l', folder])
    await rm(folder, { recursive: true })
  })
  return folder
}

/** Writes until there is no room; the error's code. */
function fill(file: string): unknown {
  const descriptor = openSync(file, 'w')
  try {
    for (;;) writeSync(descriptor, Buffer.alloc(65_536))
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  } finally {
    closeSync(descriptor)
  }
}
