import { addStream } from './add-stream.ts'
import { publish, subscribe } from './pub-sub.ts'
import { readStream } from './read-stream.ts'

/** Links over Redis: channels, which keep nothing, and streams, which keep what is not acknowledged. */
export const redis = { subscribe, publish, readStream, addStream } as const
