import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import Module from 'node:module'
import { dirname, join, sep } from 'node:path'
import { constants, Script } from 'node:vm'
import { compiledFolder } from '../../../config/resolve/environment.ts'
import { version } from '../../../own-package.ts'

/** Node's own way to compile a CommonJS module, which its types leave out. */
interface Modules {
  _compile(this: NodeJS.Module, text: string, filename: string): unknown
}

interface Compiled {
  readonly script: Script
  readonly filename: string
  readonly file: string
  readonly isNew: boolean
}

/** Size and time of change of the source: code that was compiled from another source is not used. */
const STAMP_BYTES = 16
/** Loaded where a command sends: a run that ends before has compiled too little to keep. */
const LAST_LOADED = 'amqplib.cjs'
const WRITABLE_BY_OTHERS = 0o022

/**
 * Keeps the compiled code of the CommonJS files below `root` for the next run, as Python keeps .pyc files: compiling is half
 * of the work of a command that sends one message. From Node 22.1 on, Node keeps it by itself.
 */
export function keepCompiled(root: string): void {
  const { enableCompileCache } = Module as { enableCompileCache?: () => unknown }
  if (enableCompileCache !== undefined) {
    enableCompileCache()
    return
  }
  const folder = compiledFolder()
  const modules = (Module as unknown as { readonly prototype: Partial<Modules> }).prototype
  const compile = modules._compile
  if (folder === null || compile === undefined || !isOwn(folder)) return
  const below = root + sep
  // In images of containers, files of two versions may share path, size and times.
  const own = join(folder, `${version()}-${process.version}-${process.arch}`)
  const scripts: Compiled[] = []
  modules._compile = function (text, filename) {
    if (!filename.startsWith(below)) return compile.call(this, text, filename)
    const compiled = compiledScript(text, filename, own)
    scripts.push(compiled)
    return runAsModule(compiled.script, this, filename)
  }
  process.on('exit', () => {
    if (scripts.some(({ filename }) => filename.endsWith(LAST_LOADED))) scripts.forEach(keep)
  })
}

function runAsModule(script: Script, module: NodeJS.Module, filename: string): unknown {
  const run = script.runInThisContext() as (...parts: readonly unknown[]) => unknown
  const require = Module.createRequire(filename)
  return run.call(module.exports, module.exports, require, module, filename, dirname(filename))
}

function compiledScript(text: string, filename: string, folder: string): Compiled {
  const place = filename.replaceAll(':', '')
  const file = join(folder, `${place}.compiled`)
  const cachedData = readKept(file, filename)
  const script = new Script(Module.wrap(text), {
    filename,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData !== undefined && { cachedData }),
  })
  const isNew = cachedData === undefined || script.cachedDataRejected === true
  return { script, filename, file, isNew }
}

function readKept(file: string, filename: string): Buffer | undefined {
  try {
    const kept = readFileSync(file)
    const isOfThisSource = stampOf(filename).equals(kept.subarray(0, STAMP_BYTES))
    return isOfThisSource ? kept.subarray(STAMP_BYTES) : undefined
  } catch {
    return undefined // nothing was kept yet
  }
}

/** Under its name all at once, so that a run beside this one never reads half of it. */
function keep({ script, filename, file, isNew }: Compiled): void {
  if (!isNew) return
  const unfinished = `${file}.${process.pid}`
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(unfinished, Buffer.concat([stampOf(filename), script.createCachedData()]))
    renameSync(unfinished, file)
  } catch {
    // A home without room or leave to write: the next run compiles again.
    removed(unfinished)
  }
}

function stampOf(filename: string): Buffer {
  const { size, ctimeMs } = statSync(filename)
  return Buffer.from(new Float64Array([size, ctimeMs]).buffer)
}

function removed(file: string): void {
  try {
    rmSync(file, { force: true })
  } catch {
    // It was never there.
  }
}

/**
 * Compiled code is run as it is, so no other user may have put it there. Nor does root keep any in the home of another
 * user (sudo): that user could not write to the folders that root has made.
 */
function isOwn(folder: string): boolean {
  const uid = process.getuid?.()
  if (uid === undefined) return true
  try {
    const stats = statSync(folder, { throwIfNoEntry: false })
    if (stats === undefined) return uid !== 0 || ownerAbove(folder) === 0
    return stats.uid === uid && (stats.mode & WRITABLE_BY_OTHERS) === 0
  } catch {
    return false // a home that is no folder (/dev/null), or that this user may not read
  }
}

function ownerAbove(folder: string): number {
  const parent = dirname(folder)
  return statSync(parent, { throwIfNoEntry: false })?.uid ?? ownerAbove(parent)
}
