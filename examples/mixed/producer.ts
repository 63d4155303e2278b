// Calls tasks of both workers (see app.ts), alone and in one chain:
//
//     npx tsx examples/mixed/producer.ts
import { chain } from 'celery-toolbox'
import { app, report, total } from './app.ts'

const PATIENCE = { timeoutMs: 20_000 }

const sum = await app.sendTask<number>('python.add', [2, 3])
console.log('Node asks Python:', await sum.get(PATIENCE))

const announced = await app.sendTask<string>('python.announce', ['parcels'])
const reportId = await announced.get(PATIENCE)
console.log('Python asks Node:', await app.asyncResult(reportId).get(PATIENCE))

const outer = await total.delay(20, 22)
const inner = app.asyncResult(await outer.get(PATIENCE))
console.log('Node in Node asks Python:', await inner.get(PATIENCE))

const mixed = await chain(
  app.signature('python.add', ['fields ', 'of 2026']),
  report.s(),
).applyAsync()
console.log('one after the other:', await mixed.get(PATIENCE))

await app.close()
