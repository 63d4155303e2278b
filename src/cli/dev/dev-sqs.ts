import { UsageError } from '../../errors.ts'

interface DevSqs {
  readonly url: string
  stop(): Promise<void>
}

/** fauxqs, which speaks SQS: in memory, and gone with this process. */
export async function startDevSqs(): Promise<DevSqs> {
  const { startFauxqs } = await loadFauxqs()
  const server = await startFauxqs({ port: 0, host: '127.0.0.1', logger: false })
  return {
    url: `sqs://key:secret@127.0.0.1:${server.port}`,
    stop: () => server.stop(),
  }
}

async function loadFauxqs() {
  try {
    return await import('fauxqs')
  } catch (cause) {
    throw new UsageError(
      '--broker sqs needs the package "fauxqs", which is not installed; run: npm install --save-dev fauxqs, or name a server: --broker sqs://KEY:SECRET@HOST:PORT',
      { cause },
    )
  }
}
