import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PROJECT } from './services.ts'
import { dropLeftoverDatabases } from './test-databases.ts'

const execute = promisify(execFile)

/** Before the live tests: what they start as processes is built, the servers are there, and clean of earlier runs. */
export async function setup(): Promise<void> {
  await build()
  await requireServers()
  await dropLeftoverDatabases()
}

async function build(): Promise<void> {
  try {
    await execute(process.execPath, [join(PROJECT, 'scripts/build.mjs'), '--if-needed'])
  } catch (cause) {
    // Emitted all the same where only types are wrong; `npm run check` is the one to insist.
    console.warn(`the build has mistakes:\n${outputOf(cause)}`)
  }
}

async function requireServers(): Promise<void> {
  try {
    await execute(join(PROJECT, 'scripts/services'), ['status'])
  } catch (cause) {
    throw new Error(`live tests need servers: run "scripts/services up"\n${outputOf(cause)}`, {
      cause,
    })
  }
}

function outputOf(cause: unknown): string {
  const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string } // as execFile rejects
  return `${stdout}${stderr}`.trim()
}
