import type { Process } from '../../support/processes.ts'
import type { Vhost } from '../../support/rabbitmq.ts'
import type { TcpProxy } from './proxy.ts'
import type { Seeds } from './seeds.ts'
import type { SmallDisk } from './small-disk.ts'

/** A process that can be ended and started anew. */
export interface Victim {
  readonly name: string
  /** Written in JavaScript, so that its clock can be set and its descriptors be counted. */
  readonly isNode: boolean
  /** Ends within the time that SIGTERM gives it; producers just end. */
  readonly endsGracefully: boolean
  readonly start: () => Promise<Process>
  process: Process
}

/** A Redis, past all proxies. */
export interface Redis {
  readonly ask: (command: readonly string[]) => Promise<unknown>
}

export type ProxyName = 'RabbitMQ' | 'PostgreSQL' | 'Redis'

/** What faults may strike. */
export interface Targets {
  readonly proxies: Readonly<Record<ProxyName, TcpProxy>>
  readonly victims: readonly Victim[]
  readonly vhost: Vhost
  readonly redis: Redis
  /** Runs SQL as it is, past all proxies. */
  readonly sql: (text: string) => Promise<unknown>
  /** The database of the run, past all proxies. */
  readonly databaseUrl: string
  /** Its disk; undefined where none could be made for it alone. */
  readonly disk: SmallDisk | undefined
  /** Sets the clock of a Node process ahead, or back. */
  readonly setClock: (victim: Victim, aheadMs: number) => void
  /** Something that no fault explains. */
  readonly complain: (problem: string) => void
}

/** Strikes, and is over when it resolves. */
export type Fault = (targets: Targets, seeds: Seeds) => Promise<void>

export type Faults = Readonly<Record<string, Fault>>
