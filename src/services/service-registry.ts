import type { ServiceClass } from '../recipes/index.ts'
import type { PackageParts } from './package-parts.ts'

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

export function serviceNames(own: PackageParts): string[] {
  return [...new Set([...Object.keys(OWN), ...Object.keys(own.services)])].sort()
}

/** By exact name, else by any case, else by an unambiguous beginning, else by one in any case. */
export function findService(wanted: string, own: PackageParts): FoundService {
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
  return async () => {
    if (load === undefined) throw new Error(`there is no service ${name}`)
    return (await load()) as ServiceClass // checked where it is made
  }
}
