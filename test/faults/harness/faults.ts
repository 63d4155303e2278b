import { setTimeout as wait } from 'node:timers/promises'
import type { Process } from '../../support/processes.ts'
import type { Vhost } from '../../support/rabbitmq.ts'
import { rabbitmqctl } from '../../support/rabbitmqctl.ts'
import type { TcpProxy } from './proxy.ts'
import type { Seeds } from './seeds.ts'

/** A service that can be ended and started anew. */
export interface Victim {
  readonly start: () => Promise<Process>
  process: Process
}

/** What faults may strike. */
export interface Targets {
  readonly proxies: Readonly<Record<'RabbitMQ' | 'PostgreSQL', TcpProxy>>
  readonly victims: Readonly<Record<string, Victim>>
  readonly vhost: Vhost
  /** Runs SQL as it is, past all proxies. */
  readonly sql: (text: string) => Promise<unknown>
}

/** Strikes, and is over when it resolves. */
export type Fault = (targets: Targets, seeds: Seeds) => Promise<void>

/** Every fault by its name: those of one service are there for each service. */
export function faultsFor({ victims }: Targets): Readonly<Record<string, Fault>> {
  return {
    ...onNetwork('RabbitMQ'),
    ...onNetwork('PostgreSQL'),
    ...Object.assign({}, ...Object.keys(victims).map(onProcess)),
    ...ON_SERVERS,
  }
}

function onNetwork(name: keyof Targets['proxies']): Record<string, Fault> {
  return {
    [`${name} connections dropped`]: async ({ proxies }) => proxies[name].drop(),
    [`${name} half open`]: async ({ proxies }) => proxies[name].halfOpen(),
    [`${name} corrupted`]: async ({ proxies }) => proxies[name].corrupt(2),
    [`${name} stalled`]: async ({ proxies }, seeds) => {
      proxies[name].stall(true)
      await wait(seeds.between(1_000, 4_000))
      proxies[name].stall(false)
    },
    [`${name} refused`]: async ({ proxies }, seeds) => {
      proxies[name].refuse(true)
      proxies[name].drop()
      await wait(seeds.between(1_000, 4_000))
      proxies[name].refuse(false)
    },
  }
}

function onProcess(name: string): Record<string, Fault> {
  return {
    [`kill -9 of the ${name}`]: async ({ victims }) => {
      const victim = victims[name]
      if (victim === undefined) return
      process.kill(-victim.process.pid, 'SIGKILL')
      await victim.process.exited
      victim.process = await victim.start()
    },
    [`SIGSTOP of the ${name}`]: async ({ victims }, seeds) => {
      const pid = victims[name]?.process.pid ?? 0
      process.kill(-pid, 'SIGSTOP')
      await wait(seeds.between(1_000, 5_000))
      process.kill(-pid, 'SIGCONT')
    },
  }
}

const ON_SERVERS: Readonly<Record<string, Fault>> = {
  'all RabbitMQ connections closed': async ({ vhost }) => {
    await vhost.closeConnections()
  },
  'RabbitMQ restarted': async () => {
    await rabbitmqctl('stop_app')
    await rabbitmqctl('start_app')
  },
  'memory alarm': async (_, seeds) => {
    await rabbitmqctl('set_vm_memory_high_watermark', '0.00001')
    await wait(seeds.between(1_000, 3_000))
    await rabbitmqctl('set_vm_memory_high_watermark', '0.6')
  },
  'permission taken away': async ({ vhost }, seeds) => {
    await vhost.rabbitmqctl('clear_permissions', userOf(vhost))
    await vhost.closeConnections()
    await wait(seeds.between(1_000, 4_000))
    await vhost.rabbitmqctl('set_permissions', userOf(vhost), '.*', '.*', '.*')
  },
  'all PostgreSQL sessions ended': async ({ sql }) => await endSessions(sql),
  'PostgreSQL read-only': async ({ sql }, seeds) => {
    await readOnly(sql, true)
    await wait(seeds.between(1_000, 4_000))
    await readOnly(sql, false)
  },
}

async function readOnly(sql: Targets['sql'], isOn: boolean): Promise<void> {
  await sql(
    `set transaction read write; do $$ begin execute format('alter database %I set default_transaction_read_only = ${isOn ? 'on' : 'off'}', current_database()); end $$`,
  )
  // Sessions that exist keep what they began with.
  await endSessions(sql)
}

async function endSessions(sql: Targets['sql']): Promise<void> {
  await sql(
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  )
}

function userOf({ url }: Vhost): string {
  return decodeURIComponent(new URL(url).username)
}
