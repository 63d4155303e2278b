import { ManagementApi } from '../../brokers/amqp/management-api.ts'
import type { Broker } from '../../brokers/broker.ts'
import type { Config } from '../../config/config.ts'
import { keepsResultsInDatabase } from '../../config/result-backend.ts'
import { Control } from '../../control/control.ts'
import type { ControlCarrier } from '../../control/control-carrier.ts'
import {
  type ControlDatabaseSettings,
  controlDatabaseUrl,
  controlTableIn,
} from '../../control/control-database.ts'
import type { ControlSettings } from '../../control/control-settings.ts'
import { plainUrl } from '../../database/connection-options.ts'
import type { Database } from '../../database/database.ts'
import { type Service, service } from '../../lifecycle/service.ts'
import type { Logger } from '../../logger.ts'
import { censusBy } from '../evidence/census.ts'
import { rollCallBy } from '../evidence/roll-call.ts'
import { type ReplayOptions, replayTask } from '../replay/replay-task.ts'
import { Absorber, type AbsorberOptions } from './absorber.ts'
import { Reconciler, type ReconcilerOptions } from './reconciler.ts'

/** The settings that say what is done about lost tasks, and where results are kept. */
export type StateSettings = Pick<Config, 'platformQueue'> &
  Partial<ControlSettings> &
  Partial<ControlDatabaseSettings> &
  Partial<
    Pick<
      Config,
      | 'RECONCILE'
      | 'WARM_STOP_DEADLINE'
      | 'RABBITMQ_API_URL'
      | 'broker_url'
      | 'topology'
      | 'routeDefaults'
    >
  >

export interface StateOptions {
  /** How results become part of the record; false: they do not. */
  readonly absorb?: Omit<AbsorberOptions, 'database' | 'logger'> | false
  /** How lost tasks are found, and what is done about them; false: they are not looked for. */
  readonly reconcile?:
    | Omit<ReconcilerOptions, 'database' | 'broker' | 'config' | 'logger' | 'isDryRun'>
    | false
}

interface StateJobsParts {
  readonly database: Database
  readonly broker: Broker
  readonly config: StateSettings
  readonly logger: Logger
  /** The monitor's queue of events, where it has one. */
  readonly eventQueue?: string | undefined
  readonly options?: StateOptions | undefined
}

/** What keeps the states of tasks true while a monitor runs. */
export function stateJobs(parts: StateJobsParts): readonly Service[] {
  const { database, logger, options = {} } = parts
  const { absorb = {}, reconcile = {} } = options
  const absorber = absorb === false ? undefined : new Absorber({ ...absorb, database, logger })
  const reconciler =
    reconcile === false ? undefined : new Reconciler({ ...reconcilerOptions(parts), ...reconcile })
  return [serviceOf('absorbing results', absorber), serviceOf('looking for lost tasks', reconciler)]
}

function serviceOf(name: string, job: Absorber | Reconciler | undefined): Service {
  return service({
    name,
    start: async () => job?.start(),
    stop: async () => job?.stop(),
  })
}

/** As the settings say. */
export function reconcilerOptions(parts: Omit<StateJobsParts, 'options'>): ReconcilerOptions {
  const { database, broker, config, logger, eventQueue } = parts
  const { topology, routeDefaults } = config
  return {
    database,
    broker,
    config,
    logger,
    policies: config.RECONCILE ?? {},
    sources: eventQueue === undefined ? [] : [eventQueue],
    workQueues: topology === undefined ? [] : topology.call(config).queues.map(({ name }) => name),
    expectsResults: keepsResultsInDatabase(config),
    ...workerEvidence(parts),
    ...(topology !== undefined &&
      routeDefaults !== undefined && {
        replay: (taskId: string) =>
          replayed(database, broker, taskId, {
            platformQueue: config.platformQueue,
            topology: () => topology.call(config),
            routeDefaults: () => routeDefaults.call(config),
          }),
      }),
  }
}

type WorkerEvidenceOptions = Pick<
  ReconcilerOptions,
  'callRoll' | 'takeCensus' | 'lookAtApi' | 'controlExchange' | 'stopDeadlineMs'
>

/** Whom to ask whether a worker, and the task in its hands, are there. */
function workerEvidence(parts: StateJobsParts): WorkerEvidenceOptions {
  const { broker, config, logger } = parts
  const carrier = carrierOf(parts)
  const { RABBITMQ_API_URL: url, WARM_STOP_DEADLINE: deadline, control_exchange: exchange } = config
  return {
    stopDeadlineMs: deadline === null || deadline === undefined ? null : deadline * 1000,
    ...(exchange !== undefined && { controlExchange: exchange }),
    ...(carrier !== undefined &&
      hasControl(config) &&
      asking(new Control({ settings: config, carrier: async () => carrier, logger }))),
    ...(broker.features.managementApi &&
      url !== null &&
      url !== undefined && {
        lookAtApi: () => new ManagementApi({ url, brokerUrl: firstUrl(config) }).look(),
      }),
  }
}

/** The broker, or the table where workers hear of commands by this database. */
function carrierOf({
  broker,
  config,
  database,
  logger,
}: StateJobsParts): ControlCarrier | undefined {
  if (broker.features.mailboxes) return broker
  const url = controlDatabaseUrl(config)
  if (url === undefined || plainUrl(url) !== database.url) return undefined
  return controlTableIn(database, config, logger)
}

function asking(control: Control): Pick<ReconcilerOptions, 'callRoll' | 'takeCensus'> {
  return { callRoll: rollCallBy(control), takeCensus: censusBy(control) }
}

function hasControl(config: Partial<ControlSettings>): config is ControlSettings {
  return config.control_exchange !== undefined && config.accept_content !== undefined
}

/** Several brokers are several nodes of one cluster. */
function firstUrl({ broker_url: url = 'amqp://' }: Pick<StateSettings, 'broker_url'>): string {
  const [first = ''] = typeof url === 'string' ? url.split(';') : (url ?? [])
  return first
}

async function replayed(
  database: Database,
  broker: Broker,
  taskId: string,
  config: ReplayOptions['config'],
): Promise<string> {
  const { newId } = await replayTask(database, broker, taskId, { config })
  return newId ?? ''
}
