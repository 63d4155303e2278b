import type { Entry } from './entry.ts'
import { frozenCopy, type Resolution } from './resolve/resolve.ts'
import type { SettingName, SettingValues } from './settings.ts'

export function value<Name extends SettingName>(
  { entries }: Resolution,
  name: Name,
): SettingValues[Name] {
  // Each entry was read by the type of its setting.
  return entries.get(name)?.value as SettingValues[Name]
}

export function isDefault({ entries }: Resolution, name: SettingName): boolean {
  return entries.get(name)?.source === 'default'
}

export function derive({ entries }: Resolution, name: SettingName, derived: unknown): void {
  entries.set(name, { value: frozenCopy(derived), source: 'derived' })
}

export function replace({ entries }: Resolution, name: SettingName, replacement: unknown): void {
  const entry: Entry = entries.get(name) ?? { value: null, source: 'argument' }
  entries.set(name, { ...entry, value: frozenCopy(replacement) })
}
