import { inspect } from 'node:util'
import { ConfigError } from '../errors.ts'
import type { QueueDefinitions, RouteDefaults } from '../protocol/routing/routes.ts'
import { durableQueue, type Topology } from '../protocol/routing/topology.ts'
import { brokerAddressOf, brokerUrlsOf } from './broker-settings.ts'
import { deriveSettings } from './derive.ts'
import type { Entry, Place, Source } from './entry.ts'
import { maskValue } from './masking.ts'
import { printed } from './printed.ts'
import { queueDefinitionsOf, topologyOf } from './queues/topology.ts'
import {
  type Environment,
  type EnvironmentOptions,
  readEnvironment,
} from './resolve/environment.ts'
import { misspeltVariables, resolveSettings, settledEntry } from './resolve/resolve.ts'
import { shadowWarnings } from './resolve/shadowed.ts'
import { defineAccessor, TypedSettings } from './setting-accessors.ts'
import { ineffectiveSettings, refusedSettings } from './setting-states.ts'
import { findSetting, type GivenSettings } from './settings.ts'

const QUORUM = { 'x-queue-type': 'quorum' } as const

interface OwnOptions extends EnvironmentOptions {
  /** The work queues: another name for QUEUES. */
  readonly queues?: Iterable<string> | undefined
  /** Called with each warning. Default: process.emitWarning. */
  readonly warn?: ((sentence: string) => void) | undefined
}

export interface ConfigOptions extends GivenSettings, OwnOptions {
  /** With false, unknown settings are taken as they are. Default true. */
  readonly strict?: boolean | undefined
}

/** Options with unknown settings among them. */
export interface LooseConfigOptions extends ConfigOptions {
  readonly strict: false
  readonly [name: string]: unknown
}

/**
 * All settings of an app, checked: lowercase are Celery's, uppercase the toolbox's own.
 * Arguments win over the environment (`CELERY_<NAME>`), which wins over `.env`, which wins over defaults. As in Celery,
 * the environment wins over arguments for the urls of the broker and the result backend.
 */
export class Config extends TypedSettings {
  readonly #entries: Map<string, Entry>
  readonly #environment: Environment
  readonly #prefix: string
  readonly #warn: (sentence: string) => void
  #hasWarned = false

  // The compiler reports the last of these where neither fits: at the setting that is wrong.
  constructor(options: LooseConfigOptions)
  constructor(options?: ConfigOptions)
  constructor(options: ConfigOptions = {}) {
    super()
    const { strict = true, warn = warnProcess, environment, dotenv, queues, ...given } = options
    const problems: string[] = []
    const resolution = resolveSettings(
      withQueues(given, queues, problems),
      readEnvironment({ environment, dotenv }, problems),
      { isStrict: strict, problems },
    )
    const warnings = [
      ...misspeltVariables(resolution),
      ...shadowWarnings(resolution.entries),
      ...deriveSettings(resolution),
    ]
    problems.push(...refusedSettings(resolution.entries))
    if (problems.length > 0) throw new ConfigError(problems)
    for (const warning of warnings) warn(warning)
    this.#warn = warn
    this.#entries = resolution.entries
    this.#environment = resolution.environment
    this.#prefix = resolution.prefix
    for (const name of this.#entries.keys()) this.#addProperty(name)
  }

  /** The value of a setting, also of one that only the environment or `set` knows; undefined where there is none. */
  get(name: string): unknown {
    return this.#entries.get(name)?.value
  }

  /** Whether the setting was given, follows from others, or has a default of the toolbox's own. */
  has(name: string): boolean {
    const entry = this.#entries.get(name)
    if (entry === undefined) return false
    return entry.source !== 'default' || isOurs(name)
  }

  /** Where the value of a setting came from; undefined where there is none. */
  source(name: string): Source | undefined {
    return this.#entries.get(name)?.source
  }

  /** The environment variable that a setting came from. */
  variable(name: string): string | undefined {
    return this.#entries.get(name)?.variable
  }

  /** Where else the setting was given, to no effect; empty where it was given once. */
  shadowed(name: string): readonly Place[] {
    return this.#entries.get(name)?.shadowed ?? []
  }

  /** Warns, once, of each setting that was given and has no effect. Workers do at their start, producers with the first call. */
  warnOfIneffective(): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    for (const sentence of ineffectiveSettings(this.#entries)) this.#warn(sentence)
  }

  /** The names of all settings that have a value, sorted. */
  names(): readonly string[] {
    return [...this.#entries.keys()].sort()
  }

  /** Gives a setting a value unless it is present already; the environment comes before the value given here. */
  set(name: string, value: unknown): void {
    if (this.has(name)) return
    const problems: string[] = []
    const entry = settledEntry(
      { name, value },
      this.#environment.find(this.#prefix + name.toUpperCase()),
      problems,
    )
    if (problems.length > 0) throw new ConfigError(problems)
    this.#entries.set(name, entry)
    this.#addProperty(name)
  }

  /** The url of the broker: broker_url, else what the other broker settings say. */
  get brokerUrl(): string {
    return this.brokerUrls[0] ?? ''
  }

  /** The urls of the broker, where several were given to fail over to. */
  get brokerUrls(): readonly string[] {
    return brokerUrlsOf(this)
  }

  /** The urls that are published to: broker_write_url, else those of the broker. */
  get brokerWriteUrls(): readonly string[] {
    return this.#urlsOf(this.broker_write_url)
  }

  /** The urls that are consumed from: broker_read_url, else those of the broker. */
  get brokerReadUrls(): readonly string[] {
    return this.#urlsOf(this.broker_read_url)
  }

  /** The queue that gets a copy of everything. */
  get platformQueue(): string {
    return this.PLATFORM_QUEUE_NAME
  }

  /** The queues that workers consume: all but the platform queue. */
  workQueues(): string[] {
    return this.task_queues.map((queue) => queue.name).filter((name) => name !== this.platformQueue)
  }

  /** The queues that workers take from by default: in a plain Celery's topology those of QUEUES. */
  consumedQueues(): string[] {
    const isShared = this.TOPOLOGY === 'celery' && this.source('task_queues') === 'derived'
    return isShared ? [...this.QUEUES] : this.workQueues()
  }

  /** Everything a broker has to declare. */
  topology(): Topology {
    return topologyOf(this.task_queues, this.task_queue_max_priority)
  }

  /** Everything a monitor has to declare: with `TOPOLOGY: 'celery'` the platform queue alone, bound to nothing. */
  mirrorTopology(): Topology {
    if (this.TOPOLOGY !== 'celery' && this.MIRROR) return this.topology()
    const isQuorum = this.task_default_queue_type === 'quorum'
    const args = isQuorum ? QUORUM : {}
    return { exchanges: [], queues: [durableQueue(this.platformQueue, args)], bindings: [] }
  }

  /** The queues as routing sees them. */
  queueDefinitions(): QueueDefinitions {
    return queueDefinitionsOf(this.task_queues, this.task_queue_max_priority)
  }

  /** Where calls go that no route knows. */
  routeDefaults(): RouteDefaults {
    return {
      queue: this.task_default_queue,
      exchange: this.task_default_exchange ?? this.task_default_queue,
      exchangeType: this.task_default_exchange_type,
      routingKey: this.task_default_routing_key ?? this.task_default_queue,
      missing: {
        exchangeType: this.task_create_missing_queue_exchange_type ?? 'direct',
        ...(this.task_create_missing_queue_type === 'quorum' && { arguments: QUORUM }),
      },
    }
  }

  /** The lowercase settings that are present, functions left out, sorted; `masked` hides secrets. */
  toObject(options: { readonly masked?: boolean } = {}): Record<string, unknown> {
    const pairs = this.names()
      .filter((name) => /^[a-z]/.test(name) && this.has(name))
      .map((name): [string, unknown] => [name, this.get(name)])
      .filter(([, value]) => typeof value !== 'function')
    return Object.fromEntries(
      options.masked === true
        ? pairs.map(([name, value]) => [name, maskValue(name, value)])
        : pairs,
    )
  }

  /** `Config({...})` as Python prints it, secrets masked. */
  override toString(): string {
    const lines = Object.entries(this.toObject({ masked: true })).map(
      ([name, value]) => `${printed(name)}: ${printed(value)}`,
    )
    return `Config({${lines.join(',\n ')}})`
  }

  toJSON(): Record<string, unknown> {
    return this.toObject({ masked: true })
  }

  [inspect.custom](): string {
    return this.toString()
  }

  #urlsOf(url: string | null): readonly string[] {
    return url === null
      ? this.brokerUrls
      : brokerUrlsOf({ ...brokerAddressOf(this), broker_url: url })
  }

  #addProperty(name: string): void {
    if (!(name in this)) defineAccessor(this, name)
  }
}

function withQueues(
  given: Readonly<Record<string, unknown>>,
  queues: unknown,
  problems: string[],
): Readonly<Record<string, unknown>> {
  if (queues === undefined) return given
  const { QUEUES } = given
  if (QUEUES === undefined) return { ...given, QUEUES: queues }
  if (printed(QUEUES) !== printed(queues)) {
    problems.push(
      `queues: ${printed(queues)} and QUEUES: ${printed(QUEUES)} differ, expected one of them`,
    )
  }
  return given
}

function isOurs(name: string): boolean {
  const setting = findSetting(name)
  return setting !== undefined && (setting.celeryDefault !== undefined || /^[A-Z]/.test(name))
}

function warnProcess(sentence: string): void {
  process.emitWarning(sentence, { type: 'CeleryToolboxWarning' })
}
