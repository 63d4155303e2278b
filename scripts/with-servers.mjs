// Everything that a measuring program needs, then the program with the arguments given:
//   node scripts/with-servers.mjs bench/main.ts ARGUMENTS…
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

const [program = '', ...args] = process.argv.slice(2)
const main = join(ROOT, program)

requireNode()
if (program === '' || !existsSync(main)) {
  console.error(`${main} is not there: nothing to run`)
  process.exit(2)
}
const asksForHelp = args.includes('--help') || args.includes('-h')
try {
  await ensureInstalled()
  if (!asksForHelp) {
    await ensureBuilt()
    await step('Servers (scripts/services up)', join(ROOT, 'scripts/services'), ['up'])
  }
} catch (error) {
  if (!(error instanceof StepError)) throw error
  console.error(error.message)
  process.exit(error.code)
}
const { code } = await run(bin('tsx'), [main, ...args], { env: servicesEnv() })
process.exitCode = code
