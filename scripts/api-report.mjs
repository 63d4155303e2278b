// npm run api: compares what the package exports, with all signatures, with the reports in api/; npm run api:update accepts it.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureBuilt, ROOT } from './project.mjs'

const REPORT = 'api/celery-toolbox.api.md'

const HELP = `Usage: npm run api            fails, with the lines, where the public types differ from api/
       npm run api:update     writes api/ anew: look at the change before you commit it`

async function main(args) {
  if (args.includes('--help')) return console.log(HELP)
  await ensureBuilt()
  const { file, report, lines } = await publicChanges(ROOT)
  if (lines.length === 0) return console.log(`as ${REPORT} says`)
  if (args.includes('--update')) {
    writeFileSync(file, report)
    return console.log(`${REPORT} written: look at what has changed before you commit it`)
  }
  console.error(
    [...lines, `differs from ${REPORT}; if that is meant: npm run api:update`].join('\n'),
  )
  process.exitCode = 1
}

/** The lines in which the report of a built package differs from the one it keeps, and what it would be now. */
export async function publicChanges(folder) {
  const file = join(folder, REPORT)
  const report = await reportOf(folder)
  const before = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return { file, report, lines: before === report ? [] : diff(file, report) }
}

async function reportOf(folder) {
  const { Extractor, ExtractorConfig } = await import('@microsoft/api-extractor')
  const temporary = mkdtempSync(join(folder, 'dist/api-'))
  try {
    const entry = join(temporary, 'all.d.ts')
    writeFileSync(entry, entriesOf(folder))
    const config = ExtractorConfig.prepare(configFor(folder, temporary, entry))
    Extractor.invoke(config, { localBuild: true, messageCallback })
    return signaturesIn(join(temporary, 'report.api.md'))
  } finally {
    rmSync(temporary, { recursive: true })
  }
}

/** A module with each entry point as a namespace: what several of them lead to is reported once. */
function entriesOf(folder) {
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return Object.entries(exports)
    .filter(([, file]) => file.endsWith('.js'))
    .map(([path, file]) => {
      const name = path === '.' ? 'index' : path.slice(2).replaceAll('-', '_')
      return `export * as ${name} from '${join(folder, file)}'\n`
    })
    .join('')
}

function configFor(folder, temporary, entry) {
  const silent = { default: { logLevel: 'none' } }
  return {
    packageJsonFullPath: join(folder, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: entry,
      compiler: { overrideTsconfig: { compilerOptions: COMPILER, files: [entry] } },
      apiReport: {
        enabled: true,
        // Options and results count, too, where only a function's signature leads to them.
        includeForgottenExports: true,
        reportFileName: 'report.api.md',
        reportFolder: temporary,
        reportTempFolder: temporary,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      newlineKind: 'lf',
      messages: { extractorMessageReporting: silent, tsdocMessageReporting: silent },
    },
  }
}

const COMPILER = {
  target: 'es2023',
  lib: ['es2023', 'esnext.disposable'],
  module: 'nodenext',
  moduleResolution: 'nodenext',
  types: ['node'],
  strict: true,
  noEmit: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
}

/** Mistakes of the compiler are shown; that a report is new or differs is for us to say. */
function messageCallback(message) {
  if (message.category === 'console') message.handled = true
}

/** Without a word of which declarations lack a doc comment: those come and go unnoticed. */
function signaturesIn(file) {
  const text = readFileSync(file, 'utf8')
  return text.replaceAll(/^ *\/\/ \(undocumented\)\n| \(undocumented\)$/gm, '')
}

/** The lines that are gone, and those that are new, as `diff` shows them. */
function diff(file, report) {
  const before = existsSync(file) ? file : '/dev/null'
  const { stdout } = spawnSync('diff', ['-U2', before, '-'], { input: report, encoding: 'utf8' })
  return stdout.trimEnd().split('\n').slice(2)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2))
