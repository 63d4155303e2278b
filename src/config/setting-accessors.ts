import type { Router } from '../protocol/routing/routers.ts'
import type { TaskQueue } from './queues/task-queues.ts'
import { type SettingValues, settingNames } from './settings.ts'

/** Every setting as a read-only property; those that are always derived have the type of what they derive to. */
type ConfigValues = Omit<SettingValues, 'task_queues' | 'task_routes'> & {
  readonly task_queues: readonly TaskQueue[]
  readonly task_routes: Router
}

interface Holder {
  get(name: string): unknown
}

/** Gives each instance a property by setting, which reads it from `get` and refuses to be assigned. */
class SettingAccessors {}

for (const name of settingNames) defineAccessor(SettingAccessors.prototype, name)

// The properties are defined by the loop above, one by setting, so the type says no more than is there.
export const TypedSettings = SettingAccessors as unknown as new () => ConfigValues

export function defineAccessor(target: object, name: string): void {
  Object.defineProperty(target, name, {
    enumerable: false,
    configurable: true,
    get(this: Holder) {
      return this.get(name)
    },
    set() {
      throw new TypeError(
        `${name} is read-only: give it to new Config({ ${name} }), or use config.set('${name}', value)`,
      )
    },
  })
}
