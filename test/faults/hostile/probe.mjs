// Loaded before a program of ours (--import): says how long its event loop was busy without a pause, by the processor time
// of its main thread, so that a busy machine does not count. Collects garbage when it is told to, so that what a message takes is
// not what the ones before it have left.
import { appendFileSync, existsSync, readFileSync, unlinkSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

const LOOK_EVERY_MS = 10
const WORTH_TELLING_MS = 100
const TICK_MS = 10

if (isMainThread && process.env.PAUSES !== undefined) {
  const whenToCollect = `${process.env.PAUSES}.collect`
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc')
  let last = performance.now()
  let lastCpuMs = mainThreadMs()
  setInterval(() => {
    const now = performance.now()
    const cpuMs = mainThreadMs()
    const pauseMs = Math.min(now - last, cpuMs - lastCpuMs)
    if (pauseMs > WORTH_TELLING_MS) appendFileSync(process.env.PAUSES, `${Math.round(pauseMs)}\n`)
    if (existsSync(whenToCollect)) {
      collectGarbage()
      collectGarbage()
      unlinkSync(whenToCollect)
    }
    last = performance.now()
    lastCpuMs = mainThreadMs()
  }, LOOK_EVERY_MS).unref()
}

/** Of all of its threads only the first, which has the number of the process. */
function mainThreadMs() {
  const [, fields] = readFileSync(`/proc/self/task/${process.pid}/stat`, 'latin1').split(') ')
  const [, , , , , , , , , , , user, system] = fields.split(' ')
  return (Number(user) + Number(system)) * TICK_MS
}
