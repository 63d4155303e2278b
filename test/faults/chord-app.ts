// A worker that is lost at the worst moment of a chord: its last member is done, and the body is not published yet.
//   celery-toolbox worker -A test/faults/chord-app.ts
import { Config, createApp } from 'celery-toolbox'
import { openResultStore } from '../../src/results/open-result-store.ts'
import type { ChordCounter, ResultStore } from '../../src/results/result-store.ts'

const config = new Config({ dotenv: false })
const results = await openResultStore(config)

export const app = createApp(config, { results: fatal(results) })

app.task('fault.member', (n: number) => n)

function fatal(store: ResultStore): ResultStore {
  return withThis(store, 'chords', () => (store.chords ? fatalChords(store.chords) : undefined))
}

function fatalChords(chords: ChordCounter): ChordCounter {
  return withThis(chords, 'saveMember', () => async (member: never) => {
    return await chords.saveMember(member, async () => {
      process.kill(process.pid, 'SIGKILL')
      await new Promise(() => undefined)
    })
  })
}

function withThis<Target extends object>(target: Target, name: string, get: () => unknown): Target {
  return new Proxy(target, {
    get: (from, property) => {
      if (property === name) return get()
      const value: unknown = Reflect.get(from, property, from)
      return typeof value === 'function' ? value.bind(from) : value
    },
  })
}
