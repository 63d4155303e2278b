import type { Command } from 'commander'
import type { CeleryApp } from '../../create-app.ts'
import type { Block } from '../../streams/block/block.ts'
import type { LoadOptions } from '../../streams/definition/load-blocks.ts'
import { type GlobalOptions, openApp, openConfig } from '../app/open-app.ts'
import { HEALTH_HELP, type HealthAddress, healthAddress } from '../health/health-address.ts'
import { print } from '../output/output.ts'
import { runService, serviceLogging } from '../run-service.ts'
import { addRecording } from './record.ts'
import { StreamHealth } from './stream-health.ts'

interface StreamOptions extends GlobalOptions {
  readonly block?: string
  readonly verbose?: boolean
  readonly grace?: number
  readonly healthPort?: HealthAddress
  readonly taskEvents?: boolean
  readonly arroyoMetrics?: boolean
}

const EXAMPLES = `
Examples:
  celery-toolbox stream validate blocks.yml
  celery-toolbox stream run blocks.yml -u peaks -v
  celery-toolbox stream record run.jsonl --from '{ class: zmq, kwargs: { address: "tcp://127.0.0.1:5555" } }'
  celery-toolbox stream play run.jsonl --speed 2 --to '{ class: zmq, kwargs: { address: "tcp://*:5556" } }'`

/** Blocks of listeners, operators and publishers, from files. */
export function addStream(program: Command): void {
  const stream = program
    .command('stream')
    .description('run blocks of listeners, operators and publishers')
    .addHelpText('after', EXAMPLES)
  part(stream, 'run', 'run all blocks of a file, or one').action(act(runBlocks))
  part(stream, 'validate', 'build all blocks of a file, without opening a link').action(
    act(validate),
  )
  part(stream, 'list-blocks', 'list the blocks of a file').action(act(listBlocks))
  part(stream, 'draw', 'draw the blocks of a file as Mermaid').action(act(draw))
  addRecording(stream)
}

function part(stream: Command, name: string, description: string): Command {
  const command = stream
    .command(name)
    .description(description)
    .argument('<file>', 'a YAML or JSON file of blocks')
    .option('-u, --block <name>', 'only the block of this name')
    .option('-v, --verbose', 'log every step')
  if (name !== 'run') return command
  return command
    .option('-E, --task-events', 'send events about the runs of blocks, for monitors')
    .option('--health-port <port>', HEALTH_HELP, healthAddress)
    .option('--arroyo-metrics', "with --health-port: metrics under arroyopy's names, too")
}

function act(
  run: (file: string, options: StreamOptions) => Promise<void>,
): (file: string, options: unknown, command: Command) => Promise<void> {
  return async (file, _options, command) =>
    await run(file, command.optsWithGlobals<StreamOptions>())
}

interface RunningParts {
  readonly app?: CeleryApp
  readonly parts?: Pick<LoadOptions, 'logger' | 'observer' | 'events'>
}

/** Parts over RabbitMQ that name no url take the broker of the app that -A names. */
async function blocksOf(
  file: string,
  options: StreamOptions,
  running: RunningParts = {},
): Promise<Block[]> {
  const { block, app } = options
  const { loadBlocks } = await import('../../streams/definition/load-blocks.ts')
  return await loadBlocks(file, {
    block,
    ...(app !== undefined && { app: running.app ?? (await openApp(options)) }),
    ...running.parts,
  })
}

/** One block that fails ends the others, and the command with exit code 1. */
async function runBlocks(file: string, options: StreamOptions): Promise<void> {
  const { app: module, taskEvents } = options
  // An app takes as much memory as all else: V8 would go through it again and again while large frames pass.
  await using app = module !== undefined || taskEvents === true ? await openApp(options) : undefined
  const config = app?.config ?? (await openConfig(options))
  const isVerbose = options.verbose === true || options.debug === true
  await using logging = await serviceLogging(config, isVerbose ? 'debug' : 'info')
  await using seen = await StreamHealth.open(options.healthPort, logging.logger, {
    arroyo: options.arroyoMetrics === true,
  })
  const blocks = await blocksOf(file, options, {
    ...(app !== undefined && { app }),
    parts: {
      logger: logging.logger,
      ...(seen.observer !== undefined && { observer: seen.observer }),
      ...(taskEvents === true && app !== undefined && { events: app.events }),
    },
  })
  await seen.start(blocks)
  const stopAll = async (how: { readonly graceMs?: number } = {}): Promise<void> => {
    await Promise.all(blocks.filter(({ isRunning }) => isRunning).map((block) => block.stop(how)))
  }
  let failure: unknown
  const service = {
    start: async () => {
      const running = blocks.map(async (block) => {
        try {
          await block.run()
        } catch (error) {
          failure ??= error
          await stopAll()
        }
      })
      print(`stream: running ${blocks.map(({ name }) => name).join(', ')}`)
      await Promise.all(running)
    },
    stop: stopAll,
  }
  await runService(service, { name: 'stream', endsByItself: true })
  if (failure !== undefined) throw failure
}

async function validate(file: string, options: StreamOptions): Promise<void> {
  for (const block of await blocksOf(file, options)) describe(block)
  print('Configuration is valid! ✓')
}

function describe(block: Block): void {
  print(`Block: ${block.name}`)
  if (block.description !== '') print(`  Description: ${block.description}`)
  print(`  Operator: ${block.operator.name}`)
  print(`  Listeners: ${namesOf(block.listeners)}`)
  print(`  Publishers: ${namesOf(block.publishers)}`)
}

async function listBlocks(file: string, options: StreamOptions): Promise<void> {
  const blocks = await blocksOf(file, options)
  print(`Units in ${file}:`)
  for (const { name, operator, listeners, publishers } of blocks) {
    print(`  - ${name}`)
    print(`    Operator: ${operator.name}`)
    print(`    Listeners: ${listeners.length}`)
    print(`    Publishers: ${publishers.length}`)
  }
}

async function draw(file: string, options: StreamOptions): Promise<void> {
  print('flowchart LR')
  for (const [index, block] of (await blocksOf(file, options)).entries()) {
    print(`  b${index}["${escaped(block.name)}: ${escaped(block.operator.name)}"]`)
    for (const [at, part] of block.listeners.entries()) {
      print(`  b${index}l${at}(["${escaped(nameOf(part))}"]) --> b${index}`)
    }
    for (const [at, part] of block.publishers.entries()) {
      print(`  b${index} --> b${index}p${at}(["${escaped(nameOf(part))}"])`)
    }
  }
}

function namesOf(parts: readonly object[]): string {
  return parts.length === 0 ? 'none' : parts.map(nameOf).join(', ')
}

function nameOf(part: object): string {
  return 'name' in part && typeof part.name === 'string' ? part.name : part.constructor.name
}

function escaped(text: string): string {
  return text.replaceAll('"', '#quot;')
}
