export { ConfigError } from '../errors.ts'
export { Config, type ConfigOptions } from './config.ts'
export { readPythonLiteral } from './python-literal.ts'
export type { Source } from './resolve.ts'
export type { Setting } from './setting.ts'
export {
  celerySettings,
  findSetting,
  type SettingName,
  settings,
  toolboxSettings,
} from './settings.ts'
export type { TaskQueue } from './task-queues.ts'
