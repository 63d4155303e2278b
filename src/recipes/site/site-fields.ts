import { isRecord } from '../../protocol/field-readers.ts'
import { fieldFaults } from './block-fields.ts'
import { type Environments, RESERVED } from './environments.ts'

/** A site file as YAML gives it, its keys as text. */
export type Site = Readonly<Record<string, unknown>>

/** Every field that is not of its type, by block or reserved key, with Zocalo's sentences; empty when all is well. */
export function siteFaults(site: Site, environments: Environments): Record<string, unknown> {
  const inEnvironments = environmentFaults(environments)
  const include = includeFaults(site.include)
  return {
    ...(Object.keys(inEnvironments).length > 0 ? { environments: inEnvironments } : {}),
    ...(include === null ? {} : { include }),
    ...blockFaults(site),
  }
}

function blockFaults(site: Site): Record<string, unknown> {
  const faulty = Object.entries(site)
    .filter(([name, block]) => !RESERVED.has(name) && typeof block !== 'string')
    .map(([name, block]): [string, object] => [name, faultsOf(block)])
  return Object.fromEntries(faulty.filter(([, faults]) => Object.keys(faults).length > 0))
}

function faultsOf(block: unknown): object {
  if (block === null) return ['Field may not be null.']
  return isRecord(block) ? fieldFaults(block) : { _schema: ['Invalid input type.'] }
}

function environmentFaults(environments: Environments): Record<string, unknown> {
  const faults: Record<string, unknown> = {}
  for (const [name, groups] of Object.entries(environments)) {
    const inside: Record<string, unknown> = {}
    for (const [group, blocks] of Object.entries(groups)) {
      const wrong = blocks
        .map((block, index): [string, unknown] => [String(index), block])
        .filter(([, block]) => typeof block !== 'string')
      if (wrong.length === 0) continue
      inside[group] = {
        value: Object.fromEntries(wrong.map(([index]) => [index, ['Not a valid string.']])),
      }
    }
    if (Object.keys(inside).length > 0) faults[name] = { value: inside }
  }
  return faults
}

function includeFaults(include: unknown): unknown {
  if (include === undefined) return null
  if (include === null) return ['Field may not be null.']
  return Array.isArray(include) ? null : ['Not a valid list.']
}
