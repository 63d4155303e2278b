export { ConfigError } from '../errors.ts'
export { Config, type ConfigOptions, type LooseConfigOptions } from './config.ts'
export type { Source } from './entry.ts'
export { type LogLevel, logLevel } from './logging/log-level.ts'
export {
  createLogger,
  type LoggerOptions,
  type Logging,
  type LoggingOptions,
  setupLogging,
} from './logging/logging.ts'
export { type ErrorReporter, reportingLogger, setupSentry } from './logging/sentry.ts'
export { maskText, maskValue } from './masking.ts'
export { readPythonLiteral } from './python-literal/python-literal.ts'
export type { TaskQueue } from './queues/task-queues.ts'
export type { Setting } from './setting.ts'
export { checkConfig, type SettingRow, settingRows } from './setting-rows.ts'
export {
  celerySettings,
  findSetting,
  type SettingName,
  settings,
  toolboxSettings,
} from './settings.ts'
