// Streams: listeners, one operator, publishers; in the order in which a message meets them.

export { ConfigurationError, StreamError } from '../errors.ts'
export { Block, type BlockParts, type BlockStats, type RunOptions } from './block/block.ts'
export type { QueueLimits, WhenFull } from './block/bounded-queue.ts'
export type { BlockCounts, BlockObserver } from './block/counts.ts'
export type { OnError, RetryPolicy } from './block/settings.ts'
export { type Inlet, type ListenContext, Listener, type ListenerLike } from './parts/listener.ts'
export { Event, Start, Stop } from './parts/messages.ts'
export { Operator, operator } from './parts/operator.ts'
export type { OperatorContext } from './parts/operator-context.ts'
export { Outgoing, withHeaders } from './parts/outgoing.ts'
export { type PublishContext, Publisher, type PublisherLike, type Sink } from './parts/publisher.ts'
export { type MessageHeaders, Received, type Settlement } from './parts/received.ts'
