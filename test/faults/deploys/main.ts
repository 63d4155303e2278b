// npm run test:deploys -- [MINUTES] [--without-api]: the long form of test/faults/rolling-deploys.live.test.ts.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { PROJECT } from '../../support/services.ts'

const HELP = `npm run test:deploys -- [MINUTES] [--without-api]

Pods of both languages are replaced for so many minutes (20): warm stops, cold ones (SIGQUIT, alone or after SIGTERM)
and kills, each time by pods with new names, beside one pod of each language that sends no events. Tasks take 1 to 120 s
and write what they do into a file, which is compared with the record; lost tasks are replayed.
  --without-api   the monitor may not ask RabbitMQ's management API, and is told a deadline of warm stops`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'without-api': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (values.help) console.log(HELP)
else process.exitCode = deploy(positionals[0] ?? '20')

function deploy(minutes: string): number {
  const args = ['run', '--project', 'live', 'test/faults/rolling-deploys.live.test.ts']
  const { status } = spawnSync(join(PROJECT, 'node_modules/.bin/vitest'), args, {
    cwd: PROJECT,
    env: {
      ...process.env,
      DEPLOY_MINUTES: minutes,
      ...(values['without-api'] && { DEPLOY_WITHOUT_API: '1' }),
    },
    stdio: 'inherit',
  })
  return status ?? 1
}
