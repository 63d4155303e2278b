// Finds the peak of each frame of a detector, and has the Python worker (examples/python) add it up with the frame's number:
//
//     (cd examples/python && celery -A app worker -Q python)
//     npx tsx examples/streams/peaks.ts &
//     npx tsx examples/streams/detector.ts
//
// AMQP_URL and RESULT_BACKEND say where RabbitMQ and PostgreSQL are, DETECTOR where the frames come from.
import { type AsyncResult, Config, createApp } from 'celery-toolbox'
import { Block, Event, msgpack, operator, Stop, toTask, zmq } from 'celery-toolbox/streams'

const app = createApp(
  new Config({
    queues: ['export', 'python'],
    broker_url: process.env.AMQP_URL ?? 'amqp://localhost',
    result_backend:
      process.env.RESULT_BACKEND ?? 'db+postgresql://worker:cadasta@localhost/cadasta',
  }),
)

/** A task of the Python worker, with the calls made of it, in the order of the frames: several are on their way at a time. */
const calls: Promise<AsyncResult>[] = []
const add = {
  name: 'python.add',
  applyAsync: (args: readonly unknown[], options: object = {}) => {
    const call = app.sendTask('python.add', args, {}, options)
    calls.push(call)
    return call
  },
}

type Frame = Event<{ readonly number: number }, { readonly frame: { readonly data: Float32Array } }>

const findPeaks = operator(async function* (messages: AsyncIterable<unknown>) {
  for await (const message of messages) {
    if (message instanceof Stop) return // ends the block, too
    if (!(message instanceof Event)) continue
    const { metadata, payload } = message as Frame // as detector.ts sends it
    yield [metadata.number, payload.frame.data.reduce((a, b) => Math.max(a, b))]
  }
})

const block = new Block('peaks', findPeaks, {
  listeners: [
    zmq.pull(process.env.DETECTOR ?? 'tcp://127.0.0.1:5555', { bind: true, codec: msgpack() }),
  ],
  publishers: [toTask<number[]>(add, { args: (peak) => peak })],
})
console.log('peaks: ready for frames')
await block.run()
for (const call of calls) {
  console.log('Python says', await (await call).get({ timeoutMs: 20_000 }))
}
await app.close()
