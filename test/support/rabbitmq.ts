import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { PROJECT, service } from './services.ts'

const execute = promisify(execFile)

/** Commands of rabbitmqctl that speak of one virtual host. */
const OF_A_VHOST = new Set([
  'clear_policy',
  'close_all_connections',
  'delete_queue',
  'list_bindings',
  'list_consumers',
  'list_exchanges',
  'list_permissions',
  'list_policies',
  'list_queues',
  'purge_queue',
  'set_policy',
])

/** A virtual host of one test's own. */
export interface Vhost {
  readonly name: string
  /** Opens this virtual host, with a user who may do everything in it. */
  readonly url: string
  /** Runs rabbitmqctl, in this virtual host where the command speaks of one, and answers its output. */
  rabbitmqctl(...args: string[]): Promise<string>
  /** Makes the broker close all connections to this virtual host, as an operator would. */
  closeConnections(): Promise<void>
}

/** Makes a virtual host, deleted with all it holds when the test has finished. */
export async function freshVhost(): Promise<Vhost> {
  const vhost = await makeVhost()
  onTestFinished(() => deleteVhost(vhost))
  return vhost
}

/** Deletes a virtual host with all it holds. */
export async function deleteVhost({ name }: Vhost): Promise<void> {
  await rabbitmqctl('delete_vhost', name)
}

/** Makes a virtual host that several tests share; for whoever made it to delete. */
export async function makeVhost(): Promise<Vhost> {
  const name = `test-${randomUUID()}`
  const url = new URL(service('AMQP_URL'))
  await evaluate(
    `rabbit_vhost:add(<<"${name}">>, <<"test">>), ` +
      `rabbit_auth_backend_internal:set_permissions(<<"${decodeURIComponent(url.username) || 'guest'}">>, ` +
      `<<"${name}">>, <<".*">>, <<".*">>, <<".*">>, <<"test">>).`,
  )
  url.pathname = `/${name}`
  const inVhost = (...args: string[]): Promise<string> => rabbitmqctl(...scoped(args, name))
  return {
    name,
    url: url.href,
    rabbitmqctl: inVhost,
    closeConnections: async () => {
      await inVhost('close_all_connections', 'closed by a test')
    },
  }
}

/** Runs rabbitmqctl against the broker that the tests use, and answers its output. */
export async function rabbitmqctl(...args: string[]): Promise<string> {
  try {
    const { stdout } = await execute(join(PROJECT, 'scripts/services'), [
      'rabbitmqctl',
      '--quiet',
      ...args,
    ])
    return stdout
  } catch (cause) {
    throw new Error(
      `rabbitmqctl ${args.join(' ')} failed: ${outputOf(cause)}\nIs the broker up? Run "scripts/services up"; ` +
        'for one given by AMQP_URL, RABBITMQCTL names the command that controls it',
      { cause },
    )
  }
}

/** One start of rabbitmqctl (half a second) instead of one a command; its answer says "ok" twice or an error. */
async function evaluate(expression: string): Promise<void> {
  const answer = (await rabbitmqctl('eval', expression)).trim()
  if (answer !== 'ok') throw new Error(`rabbitmqctl eval ${expression} answers: ${answer}`)
}

function scoped(args: string[], vhost: string): string[] {
  const [command = '', ...rest] = args
  return OF_A_VHOST.has(command) ? [command, '--vhost', vhost, ...rest] : args
}

function outputOf(cause: unknown): string {
  const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string } // as execFile rejects
  return `${stdout}${stderr}`.trim()
}
