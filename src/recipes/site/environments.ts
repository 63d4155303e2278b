import { SiteConfigError } from '../../errors.ts'
import { isRecord } from '../../protocol/field-readers.ts'

/** Lists of block names by group; a plain list is the group `plugins`. */
export type Groups = Readonly<Record<string, readonly unknown[]>>

/** The groups of each environment, by its name. */
export type Environments = Readonly<Record<string, Groups>>

/** Keys of a site file that name no block. */
export const RESERVED: ReadonlySet<string> = new Set(['version', 'environments', 'include'])

/** Environments with their aliases followed and single names made lists. */
export function checkedEnvironments(environments: unknown): Environments {
  const given = environments === undefined ? {} : environments
  if (!isRecord(given)) {
    const reason = 'Not a valid mapping type.'
    throw new SiteConfigError(
      `Invalid YAML configuration: {"environments":["${reason}"]}; expected names with lists of blocks`,
      {
        category: 'schema',
        fields: { environments: [reason] },
        pythonClass: isEmptyInPython(given) ? 'ConfigurationError' : 'TypeError',
      },
    )
  }
  const groups: Record<string, Groups> = {}
  const aliases = new Map<string, string>()
  for (const [name, content] of Object.entries(given)) {
    if (typeof content !== 'string') groups[name] = groupsOf(name, content)
    else if (Object.hasOwn(given, content)) aliases.set(name, content)
    else {
      throw wrong(
        'alias-to-undefined-environment',
        `Environment ${name} aliases undefined environment ${content}`,
      )
    }
  }
  for (const name of aliases.keys()) groups[name] = groups[targetOf(name, aliases)] ?? {}
  return Object.fromEntries(Object.keys(given).map((name) => [name, groups[name] ?? {}]))
}

/** The blocks of each environment: groups by name, `plugins` last, a repeated name in its first place. */
export function orderedEnvironments(
  environments: Environments,
  blocks: ReadonlyMap<string, unknown>,
): Readonly<Record<string, readonly string[]>> {
  const ordered = Object.entries(environments).map(([name, groups]) => {
    const named = Object.keys(groups)
      .filter((group) => group !== 'plugins')
      .sort(byBytes)
    const all = [...named, 'plugins'].flatMap((group) => (groups[group] ?? []).map(String))
    const unique = [...new Set(all)]
    for (const block of unique) checkReference(name, block, blocks)
    return [name, unique] as const
  })
  return Object.fromEntries(ordered)
}

/** Python gets as far as its schema with these; of others it is said earlier. */
function isEmptyInPython(given: unknown): boolean {
  return given === '' || (Array.isArray(given) && given.length === 0)
}

function groupsOf(name: string, content: unknown): Groups {
  if (Array.isArray(content)) return { plugins: content }
  if (!isRecord(content)) {
    throw wrong('environment-wrong-type', `Environment ${name} is not a list or dictionary`)
  }
  const groups = Object.entries(content).map(([group, blocks]): [string, readonly unknown[]] => {
    if (Array.isArray(blocks)) return [group, blocks]
    if (typeof blocks === 'string') return [group, [blocks]]
    throw wrong(
      'group-wrong-type',
      `Environment ${name} contains group ${group} which is not a string or a list`,
    )
  })
  return Object.fromEntries(groups)
}

function targetOf(name: string, aliases: ReadonlyMap<string, string>): string {
  const seen = new Set<string>()
  let target = name
  for (let next = aliases.get(target); next !== undefined; next = aliases.get(target)) {
    if (seen.has(target)) {
      throw wrong(
        'circular-aliases',
        `circular environment definitions for ${[...seen].join(', ')}`,
      )
    }
    seen.add(target)
    target = next
  }
  return target
}

function checkReference(
  environment: string,
  block: string,
  blocks: ReadonlyMap<string, unknown>,
): void {
  if (RESERVED.has(block)) {
    throw new SiteConfigError(
      `Configuration error: environment ${environment} references reserved name ${block}`,
      { category: 'reserved-plugin-reference' },
    )
  }
  if (!blocks.has(block)) {
    throw new SiteConfigError(
      `Configuration error: environment ${environment} references undefined plugin ${block}`,
      { category: 'undefined-plugin-reference' },
    )
  }
}

// Python sorts by code point, so that capitals come first.
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function wrong(category: string, reason: string): SiteConfigError {
  return new SiteConfigError(`Invalid YAML configuration: ${reason}`, { category })
}
