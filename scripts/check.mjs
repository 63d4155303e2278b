// npm run check: style, types and the unit tests, side by side. Each runs to its end: one run shows all that is wrong.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { aside, bin, ROOT, run } from './project.mjs'

const CACHE = join(ROOT, 'node_modules/.cache')
mkdirSync(CACHE, { recursive: true })
/** What tsc knows of files that have not changed since. */
const INCREMENTALLY = ['--incremental', '--tsBuildInfoFile', join(CACHE, 'check.tsbuildinfo')]

const args = process.argv.slice(2)
const results = await Promise.all([
  aside('Style (biome ci)', 'biome', ['ci', '.']),
  aside('Types (tsc)', 'tsc', ['--noEmit', ...INCREMENTALLY]),
  run(bin('vitest'), ['run', '--project', 'unit', ...args]),
])
process.exitCode = results.find(({ code }) => code !== 0)?.code ?? 0
