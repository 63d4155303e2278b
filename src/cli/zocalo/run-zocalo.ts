import { version } from '../../own-package.ts'
import { WORKFLOWS_VERSION, ZOCALO_VERSION } from '../../recipes/service/status-broadcasts.ts'
import { endOnBrokenPipe, flushed, print } from '../output/output.ts'
import { type AddCommand, programWith } from '../program/bare-program.ts'
import { runProgram } from '../run-program.ts'

/** One of Zocalo's commands under its own name: `zocalo.go` is `celery-toolbox go`. */
export async function runZocalo(command: string, add: AddCommand): Promise<void> {
  endOnBrokenPipe()
  const args = process.argv.slice(2)
  const exitCode = args.includes('--version')
    ? tellVersion()
    : await runProgram([command, ...args], programWith([add]))
  await flushed()
  process.exit(exitCode)
}

function tellVersion(): number {
  print(`${ZOCALO_VERSION} (workflows ${WORKFLOWS_VERSION}), by celery-toolbox ${version()}`)
  return 0
}
