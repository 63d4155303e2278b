import { type Command, InvalidArgumentError } from 'commander'
import { countText, grouped } from '../../count-text.ts'
import type { Block } from '../../streams/block/block.ts'
import { print } from '../output/output.ts'
import { runService } from '../run-service.ts'

const PART = 'a link as in a block file: "{ class: zmq, kwargs: { address: … } }"'

/** Taps a link, and plays what was recorded into another one, in its time. */
export function addRecording(stream: Command): void {
  stream
    .command('record')
    .description('write all messages of a link into a file, with their times')
    .argument('<file>', 'JSON lines; an existing file is replaced')
    .requiredOption('--from <part>', PART)
    .action(async (file: string, { from }: { readonly from: string }) => await record(file, from))
  stream
    .command('play')
    .description('send recorded messages to a link, at the pace of the recording')
    .argument('<file>', 'a file that "stream record" wrote')
    .requiredOption('--to <part>', PART)
    .option('--speed <factor>', 'speed factor; 0: at once (default: 1)', speed)
    .action(async (file: string, options: PlayOptions) => await play(file, options))
}

interface PlayOptions {
  readonly to: string
  readonly speed?: number
}

async function record(file: string, from: string): Promise<void> {
  const [{ Block }, { recordTo, tap }, { listenerOf }] = await parts()
  const listener = listenerOf(from, '--from')
  await runBlock(
    new Block('record', tap(), { listeners: [listener], publishers: [recordTo(file)] }),
  )
}

async function play(file: string, { to, speed: factor = 1 }: PlayOptions): Promise<void> {
  const [{ Block }, { playFrom, tap }, { publisherOf }] = await parts()
  const publisher = publisherOf(to, '--to')
  const listeners = [playFrom(file, { speed: factor })]
  await runBlock(new Block('play', tap(), { listeners, publishers: [publisher], onError: 'stop' }))
}

async function parts() {
  return await Promise.all([
    import('../../streams/block/block.ts'),
    import('../../streams/recording/recording.ts'),
    import('../../streams/definition/load-part.ts'),
  ])
}

async function runBlock(block: Block): Promise<void> {
  let failure: unknown
  const service = {
    start: async () => {
      print(`stream: ${block.toString()}`)
      await block.run().catch((error: unknown) => {
        failure = error
      })
    },
    stop: async (how: { readonly graceMs?: number }) => {
      if (block.isRunning) await block.stop(how)
    },
  }
  await runService(service, { name: 'stream', endsByItself: true })
  if (failure !== undefined) throw failure
  const { received, published } = block.stats
  print(`stream: ${countText(received, 'message')} taken, ${grouped(published)} written`)
}

function speed(text: string): number {
  const factor = Number(text)
  if (text.trim() !== '' && Number.isFinite(factor) && factor >= 0) return factor
  throw new InvalidArgumentError('Expected a number from 0, such as 2 or 0.5.')
}
