import type { LinkListener } from '../../parts/listener.ts'
import type { LinkPublisher } from '../../parts/publisher.ts'
import type { ZmqReadOptions, ZmqWriteOptions } from './options.ts'
import { zmqListener } from './read.ts'
import { zmqPublisher } from './write.ts'

/** Links over ZeroMQ: one message is one frame, its bytes those of the codec. */
export const zmq = {
  subscribe: (address: string, options?: ZmqReadOptions): LinkListener =>
    zmqListener('SUB', address, options),
  pull: (address: string, options?: ZmqReadOptions): LinkListener =>
    zmqListener('PULL', address, options),
  pairIn: (address: string, options?: ZmqReadOptions): LinkListener =>
    zmqListener('PAIR', address, options),
  publish: (address: string, options?: ZmqWriteOptions): LinkPublisher =>
    zmqPublisher('PUB', address, options),
  push: (address: string, options?: ZmqWriteOptions): LinkPublisher =>
    zmqPublisher('PUSH', address, options),
  pairOut: (address: string, options?: ZmqWriteOptions): LinkPublisher =>
    zmqPublisher('PAIR', address, options),
} as const
