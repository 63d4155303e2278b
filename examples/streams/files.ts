// Starts a recipe for each file that appears in a folder; its only step is a service in Python:
//
//     python examples/streams/weigh.py
//     npx tsx examples/streams/files.ts /data/in
//
// AMQP_URL says where RabbitMQ is. Ctrl-C ends it, once all files it has seen are on their way.
import { PikaTransport, Recipe } from 'celery-toolbox/recipes'
import { Block, type FileMessage, files, operator, toRecipe } from 'celery-toolbox/streams'

const recipe = new Recipe({
  start: [[1, []]],
  '1': { service: 'weigh it', queue: 'weigh', parameters: { unit: 'bytes' } },
})
recipe.validate()
await using transport = new PikaTransport({ url: process.env.AMQP_URL ?? 'amqp://localhost' })
await transport.connect()

const added = operator((file: FileMessage) => (file.change === 'added' ? file : undefined))
const block = new Block('files', added, {
  listeners: [files.watch(process.argv[2] ?? '.', { patterns: ['*.h5'] })],
  publishers: [toRecipe(transport, recipe)],
})
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopping.abort())
console.log('files: watching')
await block.run({ signal: stopping.signal })
console.log(`files: ${block.stats.published} recipes started`)
