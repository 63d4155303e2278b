// npm run test:deploys [-- MINUTES]: the long form of rolling-deploys.live.test.ts, twenty minutes if nothing is said.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { PROJECT } from '../support/services.ts'

const [minutes = '20'] = process.argv.slice(2)
const vitest = join(PROJECT, 'node_modules/.bin/vitest')
const { status } = spawnSync(vitest, ['run', 'test/faults/rolling-deploys.live.test.ts'], {
  cwd: PROJECT,
  env: { ...process.env, DEPLOY_MINUTES: minutes },
  stdio: 'inherit',
})
process.exitCode = status ?? 1
