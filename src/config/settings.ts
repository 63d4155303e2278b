import type { Setting, SettingTable } from './setting.ts'
import { backendSettings } from './settings/backend.ts'
import { beatSettings } from './settings/beat.ts'
import { brokerSettings } from './settings/broker.ts'
import { cloudBackendSettings } from './settings/cloud-backend.ts'
import { eventSettings } from './settings/event.ts'
import { generalSettings } from './settings/general.ts'
import { monitorSettings } from './settings/monitor.ts'
import { resultSettings } from './settings/result.ts'
import { taskSettings } from './settings/task.ts'
import { toolboxSettings as platformSettings } from './settings/toolbox.ts'
import { workerSettings } from './settings/worker.ts'

/** Every setting of Celery, by its lowercase name. */
export const celerySettings = {
  ...generalSettings,
  ...brokerSettings,
  ...taskSettings,
  ...workerSettings,
  ...resultSettings,
  ...eventSettings,
  ...beatSettings,
  ...backendSettings,
  ...cloudBackendSettings,
}

/** Uppercase: the toolbox's own settings, which are not Celery's. */
export const toolboxSettings = { ...platformSettings, ...monitorSettings }

/** Every setting there is: Celery's in lowercase, the toolbox's own in uppercase. */
export const settings = { ...toolboxSettings, ...celerySettings }

type Settings = typeof settings
export type SettingName = keyof Settings
export type SettingValues = {
  readonly [Name in SettingName]: Settings[Name] extends Setting<infer T, infer _Given> ? T : never
}
export type GivenSettings = {
  readonly [Name in SettingName]?:
    | (Settings[Name] extends Setting<infer T, infer Given> ? T | Given : never)
    | undefined
}

const table: SettingTable = settings

export function findSetting(name: string): Setting<unknown> | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

export const settingNames: readonly SettingName[] = Object.keys(settings) as SettingName[]
