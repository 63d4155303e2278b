// Calls tasks until it is ended, and writes down each call that the broker has confirmed.
import { openSync, writeSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { Config, createApp } from 'celery-toolbox'

const { LEDGER = '', TASKS = '' } = process.env

const ledger = openSync(LEDGER, 'a')
const app = createApp(new Config({ dotenv: false }))
const tasks = TASKS.split(',')
const EVERY_MS = 60
/** Longer than the consumer_timeout that the harness sets. */
const SLOW_MS = 4_000

for (let number = 0; ; number += 1) {
  const name = tasks[number % tasks.length]
  const ms = number % 40 === 7 ? SLOW_MS : 20
  app.sendTask(name, [ms]).then(accepted(name), () => undefined)
  await wait(EVERY_MS)
}

function accepted(name) {
  return ({ id }) => {
    const line = { id, name, what: 'accepted', worker: 'Node producer', at: Date.now() }
    writeSync(ledger, `${JSON.stringify(line)}\n`)
  }
}
