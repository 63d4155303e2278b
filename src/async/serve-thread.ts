import { parentPort } from 'node:worker_threads'
import type { ThreadAnswer } from './thread.ts'

/** In a thread: answers each job with what the function makes of it. */
export function serveThread<Job>(work: (job: Job) => unknown): void {
  parentPort?.on('message', (job: Job) => {
    void answerOf(work, job).then((answer) => parentPort?.postMessage(answer, ownBytesOf(answer)))
  })
}

/** Bytes that share their memory with no others are handed over, not copied. */
function ownBytesOf(answer: ThreadAnswer): ArrayBuffer[] {
  const value = 'value' in answer ? answer.value : undefined
  if (!(value instanceof Uint8Array && value.buffer instanceof ArrayBuffer)) return []
  return value.buffer.byteLength > Buffer.poolSize ? [value.buffer] : []
}

async function answerOf<Job>(work: (job: Job) => unknown, job: Job): Promise<ThreadAnswer> {
  try {
    return { value: await work(job) }
  } catch (cause) {
    const error =
      cause instanceof Error ? cause : new Error('a value that is not an error was thrown')
    const { code } = error as { readonly code?: unknown }
    const { name, message } = error
    return { failure: { name, message, ...(typeof code === 'string' && { code }) } }
  }
}
