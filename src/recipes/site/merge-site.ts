import type { Block } from './block-fields.ts'
import type { Environments, Groups } from './environments.ts'

/** Blocks and environments of one site file, or of several in one. */
export interface SiteParts {
  readonly blocks: ReadonlyMap<string, Block | string>
  readonly environments: Environments
}

/**
 * An included file wins over the one that includes it: its blocks, and its groups of an environment, take the place of
 * those of the same name. The group `plugins` is joined, those of the including file first.
 */
export function merged(own: SiteParts, included: SiteParts): SiteParts {
  const environments: Record<string, Groups> = { ...own.environments }
  for (const [name, groups] of Object.entries(included.environments)) {
    const before = Object.hasOwn(environments, name) ? (environments[name] ?? {}) : {}
    const plugins = [...(before.plugins ?? []), ...(groups.plugins ?? [])]
    environments[name] = { ...before, ...groups, ...(plugins.length > 0 && { plugins }) }
  }
  return { environments, blocks: new Map([...own.blocks, ...included.blocks]) }
}
