// A detector for those who have none: sends five frames of 4 x 4 pixels to peaks.ts.
//
//     npx tsx examples/streams/detector.ts
import {
  Block,
  Event,
  msgpack,
  NumericArray,
  operator,
  Start,
  Stop,
  zmq,
} from 'celery-toolbox/streams'

function* frames() {
  yield new Start({ run: 'r1' })
  for (let number = 1; number <= 5; number += 1) {
    const pixels = Float32Array.from({ length: 16 }, (_, pixel) => (pixel === 5 ? number * 100 : 1))
    yield new Event({ number }, { frame: new NumericArray(pixels, [4, 4]) })
  }
  yield new Stop({ run: 'r1' })
}

const address = process.env.DETECTOR ?? 'tcp://127.0.0.1:5555'
const same = operator((frame: unknown) => frame)
await new Block('detector', same, {
  listeners: [frames()],
  publishers: [zmq.push(address, { codec: msgpack() })],
}).run()
console.log('detector: five frames sent')
