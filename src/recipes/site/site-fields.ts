import { isRecord } from '../../protocol/field-readers.ts'
import { fieldFaults } from './block-fields.ts'
import { type Environments, RESERVED } from './environments.ts'

/** A site file as YAML gives it, its keys as text. */
export type Site = Readonly<Record<string, unknown>>

/** The names of environments and groups that are no text in the file: `1`, `yes`. */
export interface OddNames {
  readonly environments: ReadonlySet<string>
  groupsOf(environment: string): ReadonlySet<string>
}

/** Every field that is not of its type, by block or reserved key, with Zocalo's sentences; empty when all is well. */
export function siteFaults(
  site: Site,
  environments: Environments,
  odd: OddNames,
): Record<string, unknown> {
  const inEnvironments = environmentFaults(environments, odd)
  const include = includeFaults(site.include)
  return {
    ...(site.version === true ? { version: ['Not a valid integer.'] } : {}),
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

function environmentFaults(environments: Environments, odd: OddNames): Record<string, unknown> {
  const faults: Record<string, unknown> = {}
  for (const [name, groups] of Object.entries(environments)) {
    const oddGroups = odd.groupsOf(name)
    const inside: Record<string, unknown> = {}
    for (const [group, blocks] of Object.entries(groups)) {
      const wrong = notText(blocks)
      const fault = faultOf(oddGroups.has(group), wrong)
      if (fault !== null) inside[group] = fault
    }
    const fault = faultOf(odd.environments.has(name), inside)
    if (fault !== null) faults[name] = fault
  }
  return faults
}

function faultOf(isOdd: boolean, inside: Readonly<Record<string, unknown>>): object | null {
  const hasFaults = Object.keys(inside).length > 0
  if (!isOdd && !hasFaults) return null
  return { ...(isOdd && { key: NO_TEXT }), ...(hasFaults && { value: inside }) }
}

const NO_TEXT = ['Not a valid string.']

function notText(items: readonly unknown[]): Readonly<Record<string, unknown>> {
  const wrong = items
    .map((item, index): [string, unknown] => [String(index), item])
    .filter(([, item]) => typeof item !== 'string')
  return Object.fromEntries(wrong.map(([index]) => [index, NO_TEXT]))
}

function includeFaults(include: unknown): unknown {
  if (include === undefined) return null
  if (include === null) return ['Field may not be null.']
  if (!Array.isArray(include)) return ['Not a valid list.']
  const wrong = notText(include)
  return Object.keys(wrong).length > 0 ? wrong : null
}
