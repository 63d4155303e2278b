// Calls tasks of both workers (see app.ts), and asks who is there:
//
//     npx tsx examples/sqs/producer.ts
import { chain } from 'celery-toolbox'
import { app, thumbnail } from './app.ts'

const PATIENCE = { timeoutMs: 30_000 }

const files = await Promise.all(['a', 'b', 'c'].map((file) => thumbnail.delay('tenant-7', file)))
const made = await Promise.all(files.map((file) => file.get(PATIENCE)))
console.log('Node runs:', made.join(' '))

const sum = await app.sendTask<number>('python.add', [2, 3])
console.log('Python runs:', await sum.get(PATIENCE))

const mixed = await chain(
  app.signature('python.name', ['field']),
  app.signature('export.thumbnail', ['big']),
).applyAsync()
console.log('one after the other:', await mixed.get(PATIENCE))

// Waits in the queue, and in no worker; up to 15 minutes are SQS's own.
const later = await thumbnail.applyAsync(['tenant-8', 'd'], { countdown: 2 })
console.log('two seconds later:', await later.get(PATIENCE))

// SQS carries no remote control: it goes through PostgreSQL.
const [answer] = await app.control.ping({ limit: 1, timeoutMs: 5_000 })
console.log('there:', ...Object.values(answer ?? {}))

await app.close()
