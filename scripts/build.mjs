// npm run build: compiles src/ and migrations/ to dist/, and leaves nothing there that has no source any more.
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { bin, isBuilt, ROOT, run } from './project.mjs'

const DIST = join(ROOT, 'dist')
const STAMP = join(DIST, '.built')
const CLOCK_SLACK_MS = 50 // file systems round times down

if (process.argv.includes('--if-needed') && isBuilt()) process.exit(0)

const startedAt = Date.now()
const { code } = await run(bin('tsc'), ['-p', 'tsconfig.build.json'])
if (code === 0) finish()
process.exitCode = code

function finish() {
  // Read at run time, from beside the migrations.
  cpSync(join(ROOT, 'migrations/sql'), join(DIST, 'migrations/sql'), { recursive: true })
  cpSync(
    join(ROOT, 'src/cli/contract/read-contract.py'),
    join(DIST, 'src/cli/contract/read-contract.py'),
  )
  for (const file of filesOf(DIST)) {
    if (statSync(file).mtimeMs < startedAt - CLOCK_SLACK_MS) rmSync(file)
  }
  const program = join(DIST, 'src/cli/main.js')
  if (existsSync(program)) chmodSync(program, 0o755)
  writeFileSync(STAMP, '')
  // The time of the start: what was edited during the build is newer, and is built the next time.
  utimesSync(STAMP, startedAt / 1000, startedAt / 1000)
}

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
}
