// Runs inside each Node process of the harness (node --import): sets its clock as the file "clock" says, and tells every
// half second what it holds open.
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const { HARNESS_FOLDER: folder, HARNESS_NAME: name } = process.env

const RealDate = Date
let aheadMs = 0

const now = () => RealDate.now() + aheadMs

globalThis.Date = new Proxy(RealDate, {
  get: (target, key, receiver) => (key === 'now' ? now : Reflect.get(target, key, receiver)),
  construct: (target, args, made) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, made === Date ? target : made),
  apply: () => new RealDate(now()).toString(),
})

if (folder && name) {
  setInterval(readClock, 100).unref()
  setInterval(report, 500).unref()
}

function readClock() {
  try {
    aheadMs = Number(readFileSync(join(folder, `clock of ${name}`), 'utf8')) || 0
  } catch {
    // No file yet, or no descriptor left to read it with.
  }
}

function report() {
  const open = {}
  for (const kind of process.getActiveResourcesInfo()) open[kind] = (open[kind] ?? 0) + 1
  const listeners = process
    .eventNames()
    .reduce((sum, event) => sum + process.listenerCount(event), 0)
  try {
    const descriptors = readdirSync('/proc/self/fd').length
    const { rss, heapUsed } = process.memoryUsage()
    const memory = { rss, heapUsed }
    const text = JSON.stringify({ pid: process.pid, memory, descriptors, listeners, ...open })
    // Whole, whenever it is read.
    writeFileSync(join(folder, `${name}.part`), text)
    renameSync(join(folder, `${name}.part`), join(folder, `${name}.json`))
  } catch {
    // As above; the next report comes.
  }
}
