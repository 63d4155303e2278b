import type { Entry } from './entry.ts'
import { printed } from './printed.ts'
import type { SettingState } from './setting.ts'
import { findSetting } from './settings.ts'

type Entries = ReadonlyMap<string, Entry>

/** What setting it does; of a name that is no setting, what it does is for the application to know. */
export function stateOf(name: string): SettingState {
  return findSetting(name)?.state ?? 'effect'
}

/** Mistakes: settings whose absent effect would go unnoticed until it is too late. */
export function refusedSettings(entries: Entries): readonly string[] {
  return namesIn(entries, ['refused']).map(
    (name) =>
      `${name}: it is refused, as it has no effect here: messages are neither signed nor verified; expected it to be absent`,
  )
}

/** A sentence for each setting that was given and does nothing. */
export function ineffectiveSettings(entries: Entries): readonly string[] {
  return namesIn(entries, ['planned', 'none']).map((name) =>
    stateOf(name) === 'planned'
      ? `${name} has no effect yet: a later version of celery-toolbox has it`
      : `${name} has no effect: celery-toolbox does not use it`,
  )
}

/** Those that were given, with another value than their default. */
function namesIn(entries: Entries, states: readonly SettingState[]): readonly string[] {
  return [...entries]
    .filter(([name, { value, source }]) => {
      const isGiven = source !== 'default' && source !== 'derived'
      return isGiven && states.includes(stateOf(name)) && !isDefault(name, value)
    })
    .map(([name]) => name)
    .sort((one, other) => (one < other ? -1 : 1))
}

function isDefault(name: string, value: unknown): boolean {
  return printed(value) === printed(findSetting(name)?.default)
}
