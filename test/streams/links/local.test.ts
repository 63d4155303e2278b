import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../../../src/logger.ts'
import {
  Block,
  type FileMessage,
  files,
  json,
  memory,
  operator,
  stdio,
} from '../../../src/streams/index.ts'
import { globs } from '../../../src/streams/links/files/globs.ts'
import { waitFor } from '../../support/wait-for.ts'
import { Collector } from '../support/parts.ts'

const same = operator((message: unknown) => message)

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'streams-'))
  onTestFinished(() => rm(made, { recursive: true, force: true }))
  return made
}

test('files are reported with their change, those there at the start too', async () => {
  const dir = await folder()
  await writeFile(join(dir, 'old.h5'), 'x')
  await writeFile(join(dir, 'old.txt'), 'x')
  const out = new Collector<FileMessage>()
  const block = new Block('files', same, {
    listeners: [files.watch(dir, { patterns: ['*.h5'], settleMs: 50 })],
    publishers: [out],
  })
  await block.start()
  await mkdir(join(dir, 'sub'))
  await writeFile(join(dir, 'sub', 'new.h5'), 'x')
  await waitFor('both files', () => out.messages.length === 2)
  await rm(join(dir, 'old.h5'))
  await waitFor('the deletion', () => out.messages.length === 3)
  await block.stop()
  expect(out.messages).toEqual([
    { file_path: join(dir, 'old.h5'), is_directory: false, change: 'added' },
    { file_path: join(dir, 'sub', 'new.h5'), is_directory: false, change: 'added' },
    { file_path: join(dir, 'old.h5'), is_directory: false, change: 'deleted' },
  ])
})

test('a folder that is not there, or is deleted, fails the listener', async () => {
  const dir = await folder()
  const block = (path: string) =>
    new Block('files', same, { listeners: [files.watch(path)], logger: silentLogger })
  await expect(block(join(dir, 'none')).run()).rejects.toThrow(/there is no such folder/)
  const running = block(dir)
  await running.start()
  await rm(dir, { recursive: true })
  await expect(running.finished).rejects.toThrow(/there is no such folder/)
})

test('patterns fit names, or paths where they have a slash', () => {
  expect(globs(['*.h5', 'raw/**/*.tif', 'scan_[0-9].{a,b}'])('deep/x.h5')).toBe(true)
  const fits = globs(['raw/**/*.tif', 'scan_[0-9].{a,b}', 'x?'])
  expect(['raw/1/2/x.tif', 'raw/x.tif', 'scan_3.b', 'd/xy'].map(fits)).toEqual([
    true,
    true,
    true,
    true,
  ])
  expect(['x.tif', 'scan_3.c', 'xyz', 'rawx.tif'].map(fits)).toEqual([false, false, false, false])
})

test('standard input and output carry lines', async () => {
  const [input, output] = [new PassThrough(), new PassThrough()]
  input.end('{"n":1}\n\xff\n{"n":2}')
  const failures: Error[] = []
  await new Block(
    'lines',
    operator(({ n }: { n: number }) => ({ n: n + 1 })),
    {
      listeners: [stdio.read({ codec: json(), input })],
      publishers: [stdio.write({ codec: json(), output })],
      logger: silentLogger,
      observer: { onFailed: (error) => void failures.push(error) },
    },
  ).run()
  expect(String(output.read())).toBe('{"n":2}\n{"n":3}\n')
  expect(failures.map(({ message }) => message)).toEqual([
    expect.stringContaining('message 2 of stdio cannot be read'),
  ])
})

test('memory channels link blocks of one process, with headers', async () => {
  const out = new Collector<number>()
  const second = new Block(
    'second',
    operator((n: number) => n + 1),
    {
      listeners: [memory.subscribe('between')],
      publishers: [out],
    },
  ).run()
  await new Block(
    'first',
    operator((n: number) => n * 10),
    {
      listeners: [[1, 2, 3]],
      publishers: [memory.publish('between', { ends: true })],
    },
  ).run()
  await second
  expect(out.messages).toEqual([11, 21, 31])
})
