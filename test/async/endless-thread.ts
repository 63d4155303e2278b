import { serveThread } from '../../src/async/serve-thread.ts'

/** Holds so many bytes for ever. */
serveThread((bytes: number): void => {
  const held = new Uint8Array(bytes).fill(1)
  for (let at = 0; ; at = (at + 1) % bytes) held[at] = 2
})
