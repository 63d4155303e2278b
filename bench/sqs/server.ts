// A server that stands for Amazon SQS, in a process of its own; prints its port.
import { startFauxqs } from 'fauxqs'

const { port } = await startFauxqs({ port: 0, logger: false, host: '127.0.0.1' })
console.log(port)
