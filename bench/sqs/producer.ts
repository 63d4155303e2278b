// Publishes as many no-ops as each line of its input says, and answers each line once they are sent: sqs_producer.py of ours.
import { createInterface } from 'node:readline'
import { app, note } from './app.ts'

for await (const line of createInterface({ input: process.stdin })) {
  await Promise.all(Array.from({ length: Number(line) }, () => note.delay()))
  console.log('sent')
}
await app.close()
