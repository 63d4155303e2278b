// npm run build: compiles src/ and migrations/ to dist/, and leaves nothing there that has no source any more. Types are
// written a file a source; the code is bundled into chunks that the package's entries share, because most of a start is
// loading files: the worker needs 430 sources, and 80 chunks.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, join } from 'node:path'
import { bin, isBuilt, ROOT, run } from './project.mjs'

const DIST = join(ROOT, 'dist')
const STAMP = join(DIST, '.built')
const CLOCK_SLACK_MS = 50 // file systems round times down
/** What is run by its path, in a thread or a process, beside what package.json names. */
const PROGRAMS = ['src/pool-child', 'src/codecs/decode-thread']
/** What is read by its path: SQL from beside the migrations, the rest by ownFile() of src/own-package.ts. */
const READ_BY_PATH = ['migrations/sql', 'src/cli/contract/read-contract.py']

/**
 * Commands that send one message: each is one CommonJS file, which Node 20 can keep compiled, and a small one that starts it
 * (src/cli/zocalo/short).
 */
const SHORT = ['go', 'shutdown']
/** Packages of many files that are loaded when first needed, by require: what each exports. */
const PACKAGES = {
  yaml: "module.exports = require('yaml')",
  // The parts that src/brokers/amqp/connecting/driver.ts asks for; the others keep what they find in `codec`.
  amqplib: `exports.codec = require('amqplib/lib/codec.js')
exports.rest = () => ({
  driver: require('amqplib'),
  channel: require('amqplib/lib/channel.js'),
  frames: require('amqplib/lib/defs.js'),
})`,
}
/** Node's own modules that a short command loads when it uses them, or never: they are half of what would be loaded. */
const SELDOM = 'assert|child_process|crypto|dgram|dns/promises|fs/promises|net|querystring|tls|zlib'
/** Documentation comments stand in the types; in the code they would take the package over its 1.5 MB. */
const COMMENTS = { jsdoc: false }
const require = createRequire(import.meta.url)

if (process.argv.includes('--if-needed') && isBuilt()) process.exit(0)

const startedAt = Date.now()
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const [{ code }] = await Promise.all([run(bin('tsc'), ['-p', 'tsconfig.build.json']), bundleAll()])
if (code === 0) finish()
process.exitCode = code

async function bundleAll() {
  const starts = SHORT.map((name) => `src/cli/zocalo/bin/${name}`)
  const entries = [...new Set([...entriesOf(manifest), ...PROGRAMS])]
  const others = entries.filter((entry) => !starts.includes(entry))
  await bundle(others, {
    format: 'esm',
    sourcemap: true,
    entryFileNames: '[name].js',
    chunkFileNames: ({ name }) => `${name === 'migrations' ? name : 'chunks'}/[name]-[hash].js`,
    // They look for their SQL beside themselves.
    codeSplitting: { groups: [{ name: 'migrations', test: /[\\/]migrations[\\/]/ }] },
  })
  // V8 reads text of one byte a character faster.
  const alone = {
    format: 'cjs',
    entryFileNames: '[name].cjs',
    charset: 'ascii',
    codeSplitting: false,
  }
  for (const start of starts) await bundle([start], alone)
  for (const name of SHORT) {
    await bundle([`src/cli/zocalo/short/${name}`], { ...alone, plugins: [whenUsed()] })
  }
  await bundlePackages()
}

async function bundle(entries, settings) {
  // Not at the top: with --if-needed nothing is installed when this file is read.
  const { rolldown } = await import('rolldown')
  const bundled = await rolldown({
    input: Object.fromEntries(entries.map((entry) => [entry, join(ROOT, `${entry}.ts`)])),
    platform: 'node',
    external: isExternal,
    transform: { target: 'node20.19' },
  })
  const { output } = await bundled.write({ dir: DIST, comments: COMMENTS, ...settings })
  requireNames(output.filter(({ type }) => type === 'chunk'))
}

/** Packages stay where they are, but for the helpers that the compiler itself puts in, and what each command needs. */
function isExternal(id) {
  return (
    /^[@\w]/.test(id) && !isAbsolute(id) && !id.startsWith('@oxc-project/') && id !== 'commander'
  )
}

async function bundlePackages() {
  mkdirSync(join(DIST, 'packages'), { recursive: true })
  cpSync(join(ROOT, 'node_modules/commander/LICENSE'), join(DIST, 'packages/commander.LICENSE'))
  const { rolldown } = await import('rolldown')
  for (const [name, entry] of Object.entries(PACKAGES)) {
    const folder = join(ROOT, 'node_modules', name)
    const bundled = await rolldown({
      input: { [name]: name },
      platform: 'node',
      plugins: [entryOf(name, entry)],
    })
    await bundled.write({
      dir: join(DIST, 'packages'),
      format: 'cjs',
      comments: COMMENTS,
      charset: 'ascii',
      entryFileNames: '[name].cjs',
      plugins: [whenUsed()],
      banner: `/*\n${name}\n\n${licenceOf(folder)}*/`,
    })
  }
}

/** Every file of it: amqplib's LICENSE names its author, and its LICENSE-MIT holds the terms. */
function licenceOf(folder) {
  const files = readdirSync(folder).filter((name) => name.startsWith('LICENSE'))
  return files.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n')
}

/** Its requires reach files that the package does not export, too. */
function entryOf(name, code) {
  // By their real paths, as all else is: by two paths a module would be two, where node_modules is a link.
  const folder = realpathSync(join(ROOT, 'node_modules', name))
  return {
    name: 'entry-of-package',
    resolveId: (id, importer) => {
      if (importer === undefined) return join(folder, '.entry.cjs')
      if (id === name) return require.resolve(name)
      return id.startsWith(`${name}/`) ? join(folder, id.slice(name.length)) : null
    },
    load: (id) => (id.endsWith('.entry.cjs') ? code : null),
  }
}

/** Puts a stand-in in the place of each required module of Node that is seldom used, which loads it at its first use. */
function whenUsed() {
  const required = `(?:\\w+\\()?require\\("node:(${SELDOM})"\\)(?:, 1\\))?`
  const lines = new RegExp(`^(\\t*)(?:const|let|var) (\\w+) = ${required};$`, 'gm')
  return {
    name: 'when-used',
    renderChunk: (code) =>
      code.replace(lines, (_line, margin, name, module) => {
        const loaded = `require("node:${module}")`
        return `${margin}const ${name} = new Proxy(function () {}, { get: (_, key) => key === "default" ? ${loaded} : ${loaded}[key], apply: (_, self, args) => ${loaded}(...args) });`
      }),
  }
}

/** The sources, without extension, of what package.json exports and runs. */
function entriesOf({ exports, bin: programs }) {
  const files = [...Object.values(exports), ...Object.values(programs)]
  return files.flatMap((file) => file.match(/^(?:\.\/)?dist\/(.+)\.c?js$/)?.[1] ?? [])
}

/** Errors and parts of streams are known by the names of their classes: none may be renamed beside another. */
function requireNames(chunks) {
  const renamed = chunks.flatMap(({ code }) => code.match(/\bclass \w+\$\d+/g) ?? [])
  if (renamed.length === 0) return
  throw new Error(`two classes of one name are in one bundle: rename one (${renamed.join(', ')})`)
}

function finish() {
  for (const path of READ_BY_PATH) copy(path)
  for (const file of filesOf(DIST)) {
    if (statSync(file).mtimeMs < startedAt - CLOCK_SLACK_MS) rmSync(file)
  }
  removeInnerTypes()
  for (const file of Object.values(manifest.bin)) chmodSync(join(ROOT, file), 0o755)
  writeFileSync(STAMP, '')
  // The time of the start: what was edited during the build is newer, and is built the next time.
  utimesSync(STAMP, startedAt / 1000, startedAt / 1000)
}

/** Two thirds of the types are of files that no exported type leads to: a thousand small files in each installation. */
function removeInnerTypes() {
  const seen = new Set()
  const open = entriesOf({ exports: manifest.exports, bin: {} }).map((entry) =>
    join(DIST, `${entry}.d.ts`),
  )
  for (const file of open) {
    if (seen.has(file)) continue
    seen.add(file)
    open.push(...typesNamedIn(file))
  }
  for (const file of filesOf(DIST))
    if (/\.d\.ts(\.map)?$/.test(file) && !seen.has(file)) rmSync(file)
}

function typesNamedIn(file) {
  const named = readFileSync(file, 'utf8').matchAll(/['"](\.{1,2}\/[^'"]+)\.(?:js|ts)['"]/g)
  return [...named]
    .map(([, path]) => join(dirname(file), `${path}.d.ts`))
    .filter((path) => existsSync(path))
}

function copy(path) {
  cpSync(join(ROOT, path), join(DIST, path), { recursive: true })
}

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
}
