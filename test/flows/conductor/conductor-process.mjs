// A conductor in a process of its own: node conductor-process.mjs '{ "url": "…", "effects": "FILE", "leaseMs": 1000 }'
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const dist = new URL('../../../dist/src/', import.meta.url)
const { Board, Conductor, linear, task } = await import(new URL('flows/index.js', dist))
const { openDatabase } = await import(new URL('database/open-database.js', dist))

const { url, effects, leaseMs, slowMs } = JSON.parse(process.argv[2])

function step(name, ms = 0) {
  return task(name, {
    provides: `${name}_by`,
    execute: async () => {
      appendFileSync(effects, `${name} ${process.pid}\n`)
      console.log(`runs ${name}`)
      await sleep(ms)
      return process.pid
    },
  })
}

const database = await openDatabase({ url })
const board = new Board(database, { leaseMs })
const conductor = new Conductor(board, {
  flows: { paused: () => linear('paused', {}, [step('a'), step('slow', slowMs), step('b')]) },
})
conductor.on(({ type }) => console.log(type))
process.once('SIGTERM', () => void conductor.stop())
console.log('ready')
await conductor.run()
await database.close()
