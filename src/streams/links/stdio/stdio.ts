import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { type Codec, codecOf } from '../../codecs/codec.ts'
import { type Inlet, LinkListener } from '../../parts/listener.ts'
import { LinkPublisher } from '../../parts/publisher.ts'
import { readMessage } from '../read-message.ts'

interface StdioReadOptions {
  /** Default raw(). */
  readonly codec?: Codec
  /** Default: standard input. */
  readonly input?: Readable
}

interface StdioWriteOptions {
  /** Default raw(). */
  readonly codec?: Codec
  /** Default: standard output. */
  readonly output?: Writable
}

/** Each line is a message, without its end. */
function read(options: StdioReadOptions = {}): LinkListener {
  const codec = codecOf(options.codec, 'stdio read')
  return new LinkListener('stdio', (inlet) => readLines(inlet, codec, options.input))
}

async function readLines(
  inlet: Inlet,
  codec: Codec,
  input: Readable = process.stdin,
): Promise<void> {
  // Latin 1 keeps each byte as it is; the codec reads them.
  const lines = createInterface({ input: input.setEncoding('latin1'), crlfDelay: Infinity })
  const onAbort = (): void => lines.close()
  inlet.signal.addEventListener('abort', onAbort, { once: true })
  inlet.ready()
  try {
    for await (const line of lines) {
      if (inlet.signal.aborted) return
      await inlet.put(readMessage(codec, Buffer.from(line, 'latin1')))
    }
  } finally {
    inlet.signal.removeEventListener('abort', onAbort)
    lines.close()
  }
}

/** Each result is a line. */
function write(options: StdioWriteOptions = {}): LinkPublisher {
  const codec = codecOf(options.codec, 'stdio write')
  return new LinkPublisher('stdio', () => ({
    publish: async (message: unknown) => {
      const output = options.output ?? process.stdout
      if (!output.write(Buffer.concat([codec.encode(message), NEWLINE])))
        await once(output, 'drain')
    },
  }))
}

const NEWLINE = Buffer.from('\n')

/** Links over standard input and output, as lines. */
export const stdio = { read, write } as const
