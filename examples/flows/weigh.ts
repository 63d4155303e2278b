// The same as a program, for two limits: what weighs too much is refused, and its copy is removed by then:
//
//     (cd examples/python && celery -A app worker -Q python)
//     npx tsx examples/flows/weigh.ts
import { celeryRemotes, Engine, linear, remote, task } from 'celery-toolbox/flows'
import { app } from './app.ts'

const weigh = linear('weigh', {}, [
  task('copy', {
    args: ['path'],
    provides: ['location', 'x'],
    execute: ({ path }) => [`/archive${path}`, path.length],
    revertArgs: ['path'],
    revert: ({ path }) => console.log(`removed the copy of ${path}`),
  }),
  // A task of the Python worker: its arguments are the symbols x and y.
  task('total', { args: ['x', 'y'], provides: 'total', execute: remote('python.add') }),
  task('check', {
    args: ['total', 'limit'],
    execute: ({ total, limit }) => {
      if (total > limit) throw new Error(`${total} is more than ${limit}`)
    },
  }),
])

for (const limit of [1000, 50]) {
  const store = { path: '/in/1', y: 100, limit }
  const engine = new Engine(weigh, { store, remotes: celeryRemotes(app) })
  try {
    await engine.run()
    console.log(`${await engine.fetch('location')} weighs ${await engine.fetch('total')}`)
  } catch (error) {
    console.log(`refused: ${error instanceof Error ? error.message : error}`)
  }
  console.log(`the flow is ${engine.state}`)
}
await app.close()
