import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PROJECT } from './services.ts'

const execute = promisify(execFile)

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

/** Has the broker evaluate an Erlang expression, which must come to "ok". */
export async function evaluate(expression: string): Promise<void> {
  const answer = (await rabbitmqctl('eval', expression)).trim()
  if (answer !== 'ok') throw new Error(`rabbitmqctl eval ${expression} answers: ${answer}`)
}

/** Stops the broker for everybody, as `rabbitmqctl stop_app` does, without the second of CPU time that it takes to start. */
export async function stopBroker(): Promise<void> {
  await evaluate('rabbit:stop().')
}

export async function startBroker(): Promise<void> {
  await evaluate('rabbit:start().')
}

function outputOf(cause: unknown): string {
  const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string } // as execFile rejects
  return `${stdout}${stderr}`.trim()
}
