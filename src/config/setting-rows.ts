import { ConfigError } from '../errors.ts'
import { Config, type ConfigOptions } from './config.ts'
import type { Source } from './entry.ts'
import { maskValue } from './masking.ts'
import { printed } from './printed.ts'
import type { SettingState } from './setting.ts'
import { stateOf } from './setting-states.ts'
import { findSetting } from './settings.ts'

/** One setting, ready to be shown: every text masked. */
export interface SettingRow {
  readonly name: string
  readonly value: string
  readonly source: Source
  /** The environment variable it came from. */
  readonly variable: string | undefined
  /** What the setting does here. */
  readonly state: SettingState
  /** Where else it was given, to no effect. */
  readonly shadowed: readonly string[]
  readonly documentation: string
  readonly default: string
}

/** The settings that are present, ours first; with `all` also those that have Celery's own default. */
export function settingRows(
  config: Config,
  options: { readonly all?: boolean } = {},
): readonly SettingRow[] {
  return config
    .names()
    .filter((name) => options.all === true || config.has(name))
    .map((name) => settingRow(config, name))
}

/** What is wrong with the settings; nothing where `new Config` would take them. */
export function checkConfig(options: ConfigOptions = {}): readonly string[] {
  try {
    new Config(options)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

function settingRow(config: Config, name: string): SettingRow {
  const setting = findSetting(name)
  return {
    name,
    value: shown(name, config.get(name)),
    source: config.source(name) ?? 'default',
    variable: config.variable(name),
    state: stateOf(name),
    shadowed: config.shadowed(name).map(({ source, variable }) => variable ?? source),
    documentation: setting?.documentation ?? 'Not a setting of Celery or of the toolbox.',
    default: setting === undefined ? '' : shown(name, setting.default),
  }
}

function shown(name: string, value: unknown): string {
  return printed(maskValue(name, value))
}
