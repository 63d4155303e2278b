// A conductor in a process of its own: node conductor-process.mjs '{ "url": "…", "effects": "FILE", "leaseMs": 1000 }'
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const dist = new URL('../../../dist/src/', import.meta.url)
const { Board, Conductor, linear, task } = await import(new URL('flows/index.js', dist))
const { openDatabase } = await import(new URL('monitor/index.js', dist))

const { url, effects, leaseMs, slowMs, isSilent = false } = JSON.parse(process.argv[2])

const YEAR_MS = 365 * 86_400_000
let ahead = 0
process.on('SIGUSR2', () => {
  ahead += YEAR_MS
  console.log('a year later')
})

function tell(line) {
  if (!isSilent) console.log(line)
}

function step(name, ms = 0, options = {}) {
  return task(name, {
    ...options,
    provides: `${name}_by`,
    execute: async () => {
      appendFileSync(effects, `${name} ${process.pid}\n`)
      tell(`runs ${name}`)
      await sleep(ms)
      return process.pid
    },
  })
}

const database = await openDatabase({ url })
const board = new Board(database, { leaseMs })
const conductor = new Conductor(board, {
  flows: {
    paused: () => linear('paused', {}, [step('a'), step('slow', slowMs), step('b')]),
    yearly: () => linear('yearly', {}, [step('yearly'), step('next', 0, { delayMs: YEAR_MS })]),
  },
  maxSimultaneousJobs: 20,
  engine: { now: () => Date.now() + ahead },
})
conductor.on(({ type }) => tell(type))
process.once('SIGTERM', () => void conductor.stop())
console.log('ready')
await conductor.run()
await database.close()
