import type { ValueType } from './value-types.ts'

/** One setting, declared once: its type, default and documentation follow from that line. */
export interface Setting<T, Given = T> {
  readonly type: ValueType<T, Given>
  readonly default: T
  readonly documentation: string
  /** Celery's own default, where ours differs on purpose. */
  readonly celeryDefault?: unknown
  /** The Celery that brought it, where that is newer than 5.6. */
  readonly since?: string
}

export type SettingTable = Readonly<Record<string, Setting<unknown>>>

export function setting<T, Given>(
  type: ValueType<T, Given>,
  defaultValue: NoInfer<T>,
  documentation: string,
  more: Pick<Setting<T>, 'celeryDefault' | 'since'> = {},
): Setting<T, Given> {
  return { type, default: defaultValue, documentation, ...more }
}
