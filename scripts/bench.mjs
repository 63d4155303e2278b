// npm run bench: everything that bench/ needs, then bench/main.ts with the arguments given.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  bin,
  ensureBuilt,
  ensureInstalled,
  ROOT,
  requireNode,
  run,
  StepError,
  step,
} from './project.mjs'
import { servicesEnv } from './services-env.mjs'

const MAIN = join(ROOT, 'bench/main.ts')

requireNode()
if (!existsSync(MAIN)) {
  console.error(`${MAIN} is not there: nothing to measure`)
  process.exit(2)
}
try {
  await ensureInstalled()
  await ensureBuilt()
  await step('Servers (scripts/services up)', join(ROOT, 'scripts/services'), ['up'])
} catch (error) {
  if (!(error instanceof StepError)) throw error
  console.error(error.message)
  process.exit(error.code)
}
const { code } = await run(bin('tsx'), [MAIN, ...process.argv.slice(2)], { env: servicesEnv() })
process.exitCode = code
