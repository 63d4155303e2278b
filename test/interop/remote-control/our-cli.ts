import { vi } from 'vitest'
import { buildProgram } from '../../../src/cli/program/program.ts'
import { runProgram } from '../../../src/cli/run-program.ts'
import type { Ended } from './stock-celery.ts'

/** `celery-toolbox` in this process: what it prints, and its exit code. */
export async function ourCli(...args: readonly string[]): Promise<Ended & { errors: string }> {
  const printed = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((text: unknown) => {
      printed[stream] += String(text)
      return true
    }),
  )
  const environment = { ...process.env }
  try {
    const code = await runProgram(args, await buildProgram(args))
    return { code, output: printed.stdout, errors: printed.stderr }
  } finally {
    process.exitCode = undefined
    // -b sets a variable for what the command starts; the tests of other files run in this process, too.
    for (const name of Object.keys(process.env))
      if (!(name in environment)) delete process.env[name]
    Object.assign(process.env, environment)
    for (const spy of spies) spy.mockRestore()
  }
}
