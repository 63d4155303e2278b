import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { grown, type Minute, SoakLog } from './soak.ts'

test('what is held all the time in the last third of the minutes is compared with the second third', () => {
  const minutes = (...counts: number[]): Minute[] =>
    counts.map((count) => ({ worker: { 'heap MiB': count, descriptors: count } }))
  expect(grown(minutes(10, 20, 90, 90, 91, 90, 90, 91, 90))).toEqual([])
  expect(grown(minutes(10, 20, 90, 90, 90, 90, 95, 96, 97))).toEqual([
    'worker: descriptors from 90 to 96',
  ])
  expect(grown(minutes(50, 50, 50, 50, 60, 70, 80, 90, 100))).toEqual([
    'worker: heap MiB from 60 to 90',
    'worker: descriptors from 60 to 90',
  ])
})

test('of a minute the least counts, for every process that tells of itself', () => {
  const folder = mkdtempSync(join(tmpdir(), 'soak-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const log = new SoakLog(folder)
  for (const mebibytes of [80, 60, 70]) {
    const memory = { rss: mebibytes * 1_048_576, heapUsed: 10 * 1_048_576 }
    const told = { pid: 1, memory, descriptors: 20, listeners: 3, Timeout: 2 }
    writeFileSync(join(folder, 'Node worker.json'), JSON.stringify(told))
    log.look()
  }
  writeFileSync(join(folder, 'Node worker.json'), '{"pid": 1, "mem') // half written
  log.look()
  expect(log.endMinute()).toBe(
    'soak: minute 1: Node worker 60 MiB, 10 heap MiB, 20 descriptors, 2 timers, 3 listeners',
  )
  expect(log.minutes).toHaveLength(1)
})
