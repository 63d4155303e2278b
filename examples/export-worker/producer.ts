// Orders an export, and waits for its result and for what follows it. A worker of app.ts must run:
//
//     npx tsx examples/export-worker/producer.ts all
import { randomUUID } from 'node:crypto'
import { app, exportProject, notify } from './app.ts'

const PATIENCE = { timeoutMs: 20_000 }
const [outputType = 'all'] = process.argv.slice(2)

const notifyId = randomUUID()
const order = await exportProject.applyAsync(['allthings', 'fields', 'a-key', outputType], {
  link: notify.s().set({ taskId: notifyId }),
})
const result = app.asyncResult(await order.get(PATIENCE))
console.log('result:', JSON.stringify(await result.get(PATIENCE)))
console.log('notified:', await app.asyncResult(notifyId).get(PATIENCE))

await app.close()
