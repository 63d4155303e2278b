import type { AddCommand } from './bare-program.ts'

interface CommandEntry {
  /** As the command describes itself: the help of the program shows it, and loads no command for it. */
  readonly summary: string
  readonly load: () => Promise<AddCommand>
}

/** In the order in which they are met. To load them all takes half a second, so only the one that is called is loaded. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  init: {
    summary: 'write a first app, beside a Celery that runs or alone',
    load: async () => (await import('../init/init.ts')).addInit,
  },
  worker: {
    summary: 'run the tasks of an app',
    load: async () => (await import('../worker/worker.ts')).addWorker,
  },
  multi: {
    summary: 'print systemd units for several workers',
    load: async () => (await import('../worker/multi.ts')).addMulti,
  },
  inspect: {
    summary: 'ask workers what they run, hold, offer and consume',
    load: async () => (await import('../remote/inspect.ts')).addInspect,
  },
  control: {
    summary: 'change workers while they run: limits, queues, pool, shutdown',
    load: async () => (await import('../remote/inspect.ts')).addControl,
  },
  status: {
    summary: 'list the workers that are online',
    load: async () => (await import('../remote/inspect.ts')).addStatus,
  },
  events: {
    summary: 'watch the events of workers: tasks by name, live, or each event',
    load: async () => (await import('../events/events.ts')).addEvents,
  },
  call: {
    summary: 'call a task',
    load: async () => (await import('../call.ts')).addCall,
  },
  result: {
    summary: 'read the result of a task',
    load: async () => (await import('../result.ts')).addResult,
  },
  monitor: {
    summary: 'record every message and outcome in Postgres',
    load: async () => (await import('../monitor.ts')).addMonitor,
  },
  migrate: {
    summary: 'apply or revert database migrations',
    load: async () => (await import('../migrate.ts')).addMigrate,
  },
  tasks: {
    summary: 'read the history of tasks, and act on it',
    load: async () => (await import('../tasks.ts')).addTasks,
  },
  stream: {
    summary: 'run blocks of listeners, operators and publishers',
    load: async () => (await import('../stream/stream.ts')).addStream,
  },
  quarantine: {
    summary: 'show messages that the monitor could not read, and read them again',
    load: async () => (await import('../quarantine/quarantine.ts')).addQuarantine,
  },
  'dead-letters': {
    summary: 'show messages that workers could not run, and put them back',
    load: async () => (await import('../dead-letters/dead-letters.ts')).addDeadLetters,
  },
  queues: {
    summary: 'list the queues: their messages, consumers and bindings',
    load: async () => (await import('../queues.ts')).addQueues,
  },
  purge: {
    summary: 'delete the messages that wait in work queues',
    load: async () => (await import('../purge.ts')).addPurge,
  },
  recipe: {
    summary: 'recipes of Zocalo: check them, draw them, see what they would send',
    load: async () => (await import('../recipe/recipe.ts')).addRecipe,
  },
  service: {
    summary: 'run a service of a recipe pipeline (Zocalo: zocalo.service)',
    load: async () => (await import('../zocalo/service/service.ts')).addService,
  },
  go: {
    summary: 'ask the Dispatcher to run recipes (Zocalo: zocalo.go)',
    load: async () => (await import('../zocalo/go.ts')).addGo,
  },
  pickup: {
    summary: 'send the requests that "go" stored while RabbitMQ was away (Zocalo: zocalo.pickup)',
    load: async () => (await import('../zocalo/pickup.ts')).addPickup,
  },
  wrap: {
    summary: 'run a job that has a recipe message (Zocalo: zocalo.wrap)',
    load: async () => (await import('../zocalo/wrap.ts')).addWrap,
  },
  shutdown: {
    summary: 'ask services to shut down (Zocalo: zocalo.shutdown)',
    load: async () => (await import('../zocalo/shutdown.ts')).addShutdown,
  },
  'status-monitor': {
    summary: 'show what the services of a pipeline are doing',
    load: async () => (await import('../zocalo/status-monitor.ts')).addStatusMonitor,
  },
  'queue-drain': {
    summary: 'move messages from one queue to another (Zocalo: zocalo.queue_drain)',
    load: async () => (await import('../zocalo/queue-drain.ts')).addQueueDrain,
  },
  'dlq-check': {
    summary: 'count the dead letters of each queue (Zocalo: zocalo.dlq_check)',
    load: async () => (await import('../zocalo/dlq/check.ts')).addDlqCheck,
  },
  'dlq-purge': {
    summary: 'move dead letters from their queues to files (Zocalo: zocalo.dlq_purge)',
    load: async () => (await import('../zocalo/dlq/purge.ts')).addDlqPurge,
  },
  'dlq-reinject': {
    summary: 'send dead letters from files back to their queues (Zocalo: zocalo.dlq_reinject)',
    load: async () => (await import('../zocalo/dlq/reinject.ts')).addDlqReinject,
  },
  'validate-recipe': {
    summary: 'check recipes (Zocalo: workflows.validate_recipe)',
    load: async () => (await import('../zocalo/validate-recipe.ts')).addValidateRecipe,
  },
  flow: {
    summary: 'flows: check and draw flow files, run and post them, see and steer their jobs',
    load: async () => (await import('../flow/flow.ts')).addFlow,
  },
  conductor: {
    summary: 'take jobs from the board and run their flows',
    load: async () => (await import('../conductor.ts')).addConductor,
  },
  contract: {
    summary: "types for the other language's tasks",
    load: async () => (await import('../contract/contract.ts')).addContract,
  },
  config: {
    summary: 'show or check the settings',
    load: async () => (await import('../config.ts')).addConfig,
  },
  doctor: {
    summary: 'check the setup and suggest fixes',
    load: async () => (await import('../doctor/doctor.ts')).addDoctor,
  },
  dev: {
    summary: 'run a worker and a monitor in one process, with a demonstration',
    load: async () => (await import('../dev/dev.ts')).addDev,
  },
}
