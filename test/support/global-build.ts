import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PROJECT } from './services.ts'

const execute = promisify(execFile)

/** Before tests that start processes: these run dist/. */
export async function setup(): Promise<void> {
  await build()
}

export async function build(): Promise<void> {
  try {
    await execute(process.execPath, [join(PROJECT, 'scripts/build.mjs'), '--if-needed'])
  } catch (cause) {
    // Emitted all the same where only types are wrong; `npm run check` is the one to insist.
    console.warn(`the build has mistakes:\n${outputOf(cause)}`)
  }
}

/** What a command said that failed. */
export function outputOf(cause: unknown): string {
  const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string } // as execFile rejects
  return `${stdout}${stderr}`.trim()
}
