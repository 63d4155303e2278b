// Calls the tasks of app.ts and shows what comes back:
//
//     npx tsx examples/quick-start/producer.ts
import { TaskFailedError, UnroutableTaskError } from 'celery-toolbox'
import { add, app, report } from './app.ts'

const sum = await add.delay(2, 3)
console.log('2 + 3 =', await sum.get({ timeoutMs: 10_000 }))

const file = await report.delay('parcels', { format: 'xls' })
console.log('report:', await file.get({ timeoutMs: 10_000 }))

try {
  // As Python would call it, with too many arguments.
  const wrong = await app.sendTask('export.report', ['a', 'b', 'c'])
  await wrong.get({ timeoutMs: 10_000 })
} catch (error) {
  if (!(error instanceof TaskFailedError)) throw error
  console.log('failed:', error.message)
}

try {
  await app.sendTask('billing.pay', [42])
} catch (error) {
  if (!(error instanceof UnroutableTaskError)) throw error
  console.log('refused:', error.message)
}

await app.close()
