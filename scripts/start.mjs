// npm start: from a bare clone to a running example, in this very process, so that signals and exit codes are its own.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureBuilt, ensureInstalled, ROOT, requireNode, StepError } from './project.mjs'

const PROGRAM = join(ROOT, 'dist/src/cli/main.js')

requireNode()
try {
  await ensureInstalled()
  await ensureBuilt()
} catch (error) {
  if (!(error instanceof StepError)) throw error
  console.error(error.message)
  process.exit(error.code)
}

process.argv = [process.execPath, PROGRAM, 'dev', ...process.argv.slice(2)]
await import(pathToFileURL(PROGRAM).href)
