import type { ValueType } from './resolve/value-types.ts'

/**
 * What setting it does:
 * - `effect`: what its documentation says
 * - `python`: nothing here; it is Python's, and taken because both may share one file
 * - `refused`: an error, as something unsafe would go unnoticed without its effect
 * - `planned`: nothing yet, and a warning; a later version has it
 * - `none`: nothing, and a warning
 */
export type SettingState = 'effect' | 'python' | 'refused' | 'planned' | 'none'

/** One setting, declared once: its type, default and documentation follow from that line. */
export interface Setting<T, Given = T> {
  readonly type: ValueType<T, Given>
  readonly default: T
  readonly documentation: string
  /** Celery's own default, where ours differs on purpose. */
  readonly celeryDefault?: unknown
  /** The Celery that brought it, where that is newer than 5.6. */
  readonly since?: string
  /** Default `effect`. */
  readonly state?: SettingState
}

export type SettingTable = Readonly<Record<string, Setting<unknown>>>

export function setting<T, Given>(
  type: ValueType<T, Given>,
  defaultValue: NoInfer<T>,
  documentation: string,
  more: Pick<Setting<T>, 'celeryDefault' | 'since' | 'state'> = {},
): Setting<T, Given> {
  return { type, default: defaultValue, documentation, ...more }
}
