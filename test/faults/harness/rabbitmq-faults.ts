import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Vhost } from '../../support/rabbitmq.ts'
import { evaluate, rabbitmqctl, startBroker, stopBroker } from '../../support/rabbitmqctl.ts'
import { PROJECT, service } from '../../support/services.ts'
import type { Faults } from './targets.ts'

const execute = promisify(execFile)

/** Below what the slow tasks of the harness take. */
const SHORT_TIMEOUT_MS = 2_000
/** RabbitMQ's own. */
const USUAL_TIMEOUT_MS = 1_800_000

/** A queue in which nothing is, so that nothing is lost with it. */
export const SPARE_QUEUE = 'spare'

/** What happens to a broker, and what its operators do. */
export function rabbitmqFaults(): Faults {
  return {
    'all RabbitMQ connections closed': async ({ vhost }) => vhost.closeConnections(),
    'RabbitMQ restarted': async () => {
      await stopBroker()
      await startBroker()
    },
    ...(isOurs() && { 'RabbitMQ killed': async () => kill() }),
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
    'queue taken away': async ({ vhost }) => {
      await vhost.rabbitmqctl('delete_queue', SPARE_QUEUE)
    },
    consumer_timeout: async ({ vhost }, seeds) => {
      await setConsumerTimeout(vhost, { timeoutMs: SHORT_TIMEOUT_MS, tickMs: 500 })
      await wait(seeds.between(5_000, 8_000))
      await setConsumerTimeout(vhost, { timeoutMs: USUAL_TIMEOUT_MS, tickMs: 60_000 })
    },
  }
}

/** A channel keeps what it was opened with. */
async function setConsumerTimeout(
  vhost: Vhost,
  { timeoutMs, tickMs }: { readonly timeoutMs: number; readonly tickMs: number },
): Promise<void> {
  await evaluate(`application:set_env(rabbit, consumer_timeout, ${timeoutMs}).`)
  await evaluate(`application:set_env(rabbit, channel_tick_interval, ${tickMs}).`)
  await vhost.closeConnections()
}

/** Started by scripts/services, which can start it again with all it holds. */
function isOurs(): boolean {
  const state = join(PROJECT, '.services/state.json')
  if (!existsSync(state)) return false
  // As scripts/servers/state.mjs writes it.
  const { rabbitmq } = JSON.parse(readFileSync(state, 'utf8')) as {
    rabbitmq?: { origin: string; url: string }
  }
  return rabbitmq?.origin === 'packages' && rabbitmq.url === service('AMQP_URL')
}

async function kill(): Promise<void> {
  const pid = Number(/\d+/.exec(await rabbitmqctl('eval', 'os:getpid().'))?.[0])
  process.kill(pid, 'SIGKILL')
  const { AMQP_URL: _, DATABASE_URL: __, REDIS_URL: ___, ...env } = process.env
  await execute(join(PROJECT, 'scripts/services'), ['up'], { env })
}

function userOf({ url }: Vhost): string {
  return decodeURIComponent(new URL(url).username)
}
