import type { Command } from 'commander'
import { type AddCommand, programWith } from './bare-program.ts'

/** The program with the command that is called, or with all of them where help or an error will list them. */
export async function buildProgram(args: readonly string[] = []): Promise<Command> {
  const name = calledCommand(args) ?? ''
  if (name === '' && args.some((arg) => VERSION.includes(arg))) return programWith([])
  const called = COMMANDS[Object.hasOwn(COMMANDS, name) ? name : '']
  const commands = called === undefined ? Object.values(COMMANDS) : [called]
  return programWith(await Promise.all(commands.map(async (load) => await load())))
}

const VERSION: readonly string[] = ['-V', '--version']

/** In the order in which they are met. To load them all takes half a second, so only the one that is called is loaded. */
const COMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  init: async () => (await import('./init/init.ts')).addInit,
  worker: async () => (await import('./worker/worker.ts')).addWorker,
  multi: async () => (await import('./worker/multi.ts')).addMulti,
  inspect: async () => (await import('./remote/inspect.ts')).addInspect,
  control: async () => (await import('./remote/inspect.ts')).addControl,
  status: async () => (await import('./remote/inspect.ts')).addStatus,
  events: async () => (await import('./events/events.ts')).addEvents,
  call: async () => (await import('./call.ts')).addCall,
  result: async () => (await import('./result.ts')).addResult,
  monitor: async () => (await import('./monitor.ts')).addMonitor,
  migrate: async () => (await import('./migrate.ts')).addMigrate,
  tasks: async () => (await import('./tasks.ts')).addTasks,
  stream: async () => (await import('./stream/stream.ts')).addStream,
  quarantine: async () => (await import('./quarantine/quarantine.ts')).addQuarantine,
  'dead-letters': async () => (await import('./dead-letters/dead-letters.ts')).addDeadLetters,
  queues: async () => (await import('./queues.ts')).addQueues,
  purge: async () => (await import('./purge.ts')).addPurge,
  recipe: async () => (await import('./recipe/recipe.ts')).addRecipe,
  service: async () => (await import('./zocalo/service/service.ts')).addService,
  go: async () => (await import('./zocalo/go.ts')).addGo,
  pickup: async () => (await import('./zocalo/pickup.ts')).addPickup,
  wrap: async () => (await import('./zocalo/wrap.ts')).addWrap,
  shutdown: async () => (await import('./zocalo/shutdown.ts')).addShutdown,
  'status-monitor': async () => (await import('./zocalo/status-monitor.ts')).addStatusMonitor,
  'queue-drain': async () => (await import('./zocalo/queue-drain.ts')).addQueueDrain,
  'dlq-check': async () => (await import('./zocalo/dlq/check.ts')).addDlqCheck,
  'dlq-purge': async () => (await import('./zocalo/dlq/purge.ts')).addDlqPurge,
  'dlq-reinject': async () => (await import('./zocalo/dlq/reinject.ts')).addDlqReinject,
  'validate-recipe': async () => (await import('./zocalo/validate-recipe.ts')).addValidateRecipe,
  flow: async () => (await import('./flow/flow.ts')).addFlow,
  conductor: async () => (await import('./conductor.ts')).addConductor,
  contract: async () => (await import('./contract/contract.ts')).addContract,
  config: async () => (await import('./config.ts')).addConfig,
  doctor: async () => (await import('./doctor/doctor.ts')).addDoctor,
  dev: async () => (await import('./dev/dev.ts')).addDev,
}

/** Of the program's own options, those that are followed by a value. */
const WITH_VALUE: readonly string[] = ['-A', '--app', '-b', '--broker', '--result-backend']

/** The first argument that is neither an option of the program nor its value. */
function calledCommand(args: readonly string[]): string | undefined {
  return args.find((arg, at) => !arg.startsWith('-') && !WITH_VALUE.includes(args[at - 1] ?? ''))
}
