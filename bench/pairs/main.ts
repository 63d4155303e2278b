import { execFile } from 'node:child_process'
import { existsSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { openPlace } from '../environment.ts'
import { median } from '../measure.ts'
import { cpuOfStart, STARTED } from './start.ts'

const KINDS = ['publish', 'consume', 'ingest', 'chord', 'import', 'command', 'start'] as const
type Kind = (typeof KINDS)[number]

const HELP = `npm run bench:pairs -- --before REVISION [--pairs N] [--kind NAME]…

CPU time of a message, of another revision and of this one: each pair runs both, one right after the other, in processes of
their own, and all pairs are printed. The median of their ratios is what counts: load that comes and goes hits both alike.
Of import ('celery-toolbox'), command (celery-toolbox config show) and start (a worker, until it is ready) it is the CPU time of
the whole process, from its start on.
  --before REVISION  built in a work tree of its own, outside of this one
  --pairs N          how many of each kind (default 9)
  --kind NAME        ${KINDS.join(', ')} (default all)

The exit code is 1 where a median is above 1.05.`

const LIMIT = 1.05
const ROOT = resolve(import.meta.dirname, '../..')
const execute = promisify(execFile)

const { values } = parseArgs({
  options: {
    before: { type: 'string' },
    pairs: { type: 'string', default: '9' },
    kind: { type: 'string', multiple: true, default: [...KINDS] },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) console.log(HELP)
else if (values.before === undefined) {
  console.error('say which revision to compare with: --before REVISION')
  process.exitCode = 2
} else process.exitCode = await main(values.before)

async function main(before: string): Promise<number> {
  const builds = { before: await built(before), after: ROOT }
  let worst = 0
  for (const kind of KINDS.filter((one) => values.kind.includes(one))) {
    const ratios: number[] = []
    for (let pair = 0; pair < Number(values.pairs); pair += 1) {
      ratios.push(await onePair(builds, kind, { isSwapped: pair % 2 === 1 }))
    }
    const middle = median(ratios)
    worst = Math.max(worst, middle)
    console.log(`${kind}: median ${middle.toFixed(3)} × of ${ratios.length} pairs, limit ${LIMIT}`)
  }
  return worst > LIMIT ? 1 : 0
}

interface Builds {
  readonly before: string
  readonly after: string
}

/** Which comes first changes from pair to pair. */
async function onePair(
  builds: Builds,
  kind: Kind,
  { isSwapped }: { readonly isSwapped: boolean },
): Promise<number> {
  const order = isSwapped ? (['after', 'before'] as const) : (['before', 'after'] as const)
  const times = { before: Number.NaN, after: Number.NaN }
  for (const side of order) times[side] = await sample(builds[side], kind)
  const { before, after } = times
  const ratio = after / before
  const unit = kind in STARTED ? 'ms a process' : 'µs a message'
  console.log(
    `${kind}: before ${before.toFixed(1)}, after ${after.toFixed(1)} ${unit}, ${ratio.toFixed(3)} ×`,
  )
  return ratio
}

async function sample(build: string, kind: Kind): Promise<number> {
  const { amqpUrl, databaseUrl, close } = await openPlace()
  try {
    if (kind in STARTED) return await cpuOfStart(build, kind, { CELERY_BROKER_URL: amqpUrl })
    const args = [join(import.meta.dirname, 'sample.ts'), build, kind, amqpUrl, databaseUrl]
    const { stdout } = await execute(join(ROOT, 'node_modules/.bin/tsx'), args)
    return Number(stdout)
  } finally {
    await close()
  }
}

/** A work tree of the revision with this one's packages, built once. */
async function built(revision: string): Promise<string> {
  const { stdout } = await execute('git', ['rev-parse', '--short', `${revision}^{commit}`], {
    cwd: ROOT,
  })
  const folder = join(tmpdir(), 'celery-toolbox-pairs', stdout.trim())
  if (existsSync(join(folder, 'dist/.built'))) return folder
  console.error(`› Building ${revision} in ${folder}`)
  await execute('git', ['worktree', 'add', '--force', '--detach', folder, stdout.trim()], {
    cwd: ROOT,
  })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  await execute(process.execPath, ['scripts/build.mjs'], { cwd: folder })
  return folder
}
