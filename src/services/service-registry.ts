import { UsageError } from '../errors.ts'
import type { ServiceClass } from '../recipes/index.ts'
import { loadPart, type PackageParts } from './package-parts.ts'

type Load = () => Promise<ServiceClass>

/** The services in the box; each is loaded when it is asked for. */
const OWN: Readonly<Record<string, Load>> = {
  CeleryTask: async () => (await import('./celery-task.ts')).CeleryTask,
  Dispatcher: async () => (await import('./dispatcher.ts')).Dispatcher,
  JSONLines: async () => (await import('./json-lines.ts')).JSONLines,
  Runner: async () => (await import('./runner.ts')).Runner,
  Schlockmeister: async () => (await import('./schlockmeister.ts')).Schlockmeister,
  Tap: async () => (await import('./tap.ts')).Tap,
  SampleConsumer: async () => (await import('./samples.ts')).SampleConsumer,
  SamplePipethrough: async () => (await import('./samples.ts')).SamplePipethrough,
  SampleProducer: async () => (await import('./samples.ts')).SampleProducer,
  SampleTxn: async () => (await import('./samples.ts')).SampleTxn,
  SampleTxnProducer: async () => (await import('./samples.ts')).SampleTxnProducer,
}

type FoundService =
  | { readonly name: string; readonly load: Load }
  | { readonly name: null; readonly candidates: readonly string[] }

/** A file, with or without the name of its export. */
const PATH = /^\.{0,2}\/|\.[cm]?[jt]s(?:#|$)|#/

export function serviceNames(own: PackageParts): string[] {
  return [...new Set([...Object.keys(OWN), ...Object.keys(own.services)])].sort()
}

/**
 * `./file.mjs#Export` is a path. Else by exact name, else by any case, else by an unambiguous beginning, else by one in
 * any case.
 */
export function findService(wanted: string, own: PackageParts): FoundService {
  if (!Object.hasOwn(own.services, wanted) && PATH.test(wanted)) {
    const name = wanted.replace(/^.*[/#]/, '').replace(/\.[cm]?[jt]s$/, '')
    return { name, load: async () => asService(await loadPart(wanted), wanted) }
  }
  const names = serviceNames(own)
  const lower = wanted.toLowerCase()
  const ways = [
    (name: string) => name === wanted,
    (name: string) => name.toLowerCase() === lower,
    (name: string) => name.startsWith(wanted),
    (name: string) => name.toLowerCase().startsWith(lower),
  ]
  for (const way of ways) {
    const found = names.filter(way)
    const [name] = found
    if (name !== undefined && found.length === 1) return { name, load: loaderOf(name, own) }
  }
  return { name: null, candidates: names.filter((name) => name.toLowerCase().startsWith(lower)) }
}

/** A project's own service wins over one in the box. */
function loaderOf(name: string, own: PackageParts): Load {
  const load = own.services[name] ?? OWN[name]
  return async () => asService(await load?.(), name)
}

function asService(part: unknown, name: string): ServiceClass {
  const isOne = typeof part === 'function' && typeof part.prototype?.initializing === 'function'
  if (isOne) return part as ServiceClass // also of another copy of this package
  throw new UsageError(`"${name}" is not a service; expected a class that extends CommonService`)
}
