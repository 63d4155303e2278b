// One process that runs a flow, or goes on with it, and kills itself at the step it is told:
//   node victim.mjs '{ "flowId": "f1", "effects": "FILE", "store": { "folder": "DIR" }, "kill": 17 }'
import { appendFileSync } from 'node:fs'

const dist = new URL('../../../dist/src/', import.meta.url)
const { Engine, FileStore, DatabaseStore, forEach, linear, task, times, unordered } = await import(
  new URL('flows/index.js', dist)
)
const { openDatabase } = await import(new URL('monitor/index.js', dist))

const {
  flowId,
  effects,
  store,
  kill,
  kind = 'serial',
  isFailing = false,
} = JSON.parse(process.argv[2])
let steps = 0

/** Before and after each transition is stored, and within each call. */
function step() {
  steps += 1
  if (steps === kill) process.kill(process.pid, 'SIGKILL')
}

function call(name, action) {
  appendFileSync(effects, `${name} ${action}\n`)
  step()
}

function atom(name, { fails = () => false, ...options } = {}) {
  return task(name, {
    provides: `${name}_result`,
    ...options,
    execute: (values) => {
      call(name, `execute(${Object.values(values).join()})`)
      if (fails(values)) throw new Error(`${name} refuses`)
      return `${name} of ${Object.values(values).join()}`
    },
    revert: () => call(name, 'revert'),
  })
}

/** 20 atoms: retries over values and over attempts, steps side by side, and at the end one that may revert them all. */
function makeFlow() {
  const isNotThird = ({ server }) => server !== 'third'
  const isFirst = ({ attempt }) => attempt === 1
  const servers = forEach('servers', {
    values: ['first', 'second', 'third'],
    provides: 'server',
  })
  return linear('twenty', {}, [
    atom('a1'),
    atom('a2', { args: ['a1_result'] }),
    atom('a3'),
    atom('a4'),
    linear('upload', { retry: servers }, [
      atom('b1', { args: ['server'] }),
      atom('b2'),
      atom('b3', { args: ['server'], fails: isNotThird }),
    ]),
    unordered(
      'derive',
      {},
      ['c1', 'c2', 'c3', 'c4', 'c5'].map((name) => atom(name)),
    ),
    linear('register', { retry: times('attempts', { attempts: 3, provides: 'attempt' }) }, [
      atom('d1'),
      atom('d2', { args: ['attempt'], fails: isFirst }),
    ]),
    atom('e1', { args: ['c5_result', 'b1_result'] }),
    atom('e2'),
    atom('e3'),
    atom('e4', { fails: () => isFailing }),
  ])
}

function watched(Store, ...args) {
  return new (class extends Store {
    async save(change) {
      step()
      await super.save(change)
      step()
    }
  })(...args)
}

const database = store.url === undefined ? undefined : await openDatabase({ url: store.url })
const persist =
  database === undefined
    ? watched(FileStore, store.folder, { isSynced: false })
    : watched(DatabaseStore, database)
const engine = new Engine(makeFlow(), { flowId, persist, kind, job: 'job' })
const error = await engine.run().then(
  () => null,
  (failure) => failure.message,
)
const history = (name) =>
  engine.history(name).map(([value, failures]) => [value, Object.keys(failures)])
console.log(
  JSON.stringify({
    steps,
    end: {
      state: engine.state,
      atoms: engine.atoms(),
      values: await engine.fetchAll(),
      servers: history('servers'),
      attempts: history('attempts'),
    },
    error,
  }),
)
await database?.close()
