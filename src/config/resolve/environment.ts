import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { parse } from 'dotenv'
import { requirePackage } from '../../installed-packages.ts'

type Variables = Readonly<Record<string, string | undefined>>

export interface EnvironmentOptions {
  /** The variables to read instead of the process's own; `.env` is then read only when `dotenv` names it. */
  readonly environment?: Variables | undefined
  /** The path of the `.env` file, or false for none. Default: `.env` in the working directory, if it is there. */
  readonly dotenv?: string | false | undefined
}

export interface Variable {
  readonly name: string
  readonly text: string
  readonly source: 'option' | 'environment' | '.env'
}

/** The variables of the process and of `.env`; the process wins. Nothing is written to the process's own. */
export class Environment {
  readonly #variables: ReadonlyMap<string, Variable>
  /** From what counts most to what counts least. */
  readonly #layers: readonly ReadonlyMap<string, Variable>[]

  /** Settings of a site file, which count where nothing else is given. */
  readonly site: Readonly<Record<string, unknown>>

  constructor(
    environment: Variables,
    dotenv: Variables,
    site: Readonly<Record<string, unknown>> = {},
    options: Variables = {},
  ) {
    this.site = site
    this.#layers = [
      new Map(variablesOf(options, 'option')),
      new Map(variablesOf(environment, 'environment')),
      new Map(variablesOf(dotenv, '.env')),
    ]
    this.#variables = new Map(this.#layers.toReversed().flatMap((layer) => [...layer]))
  }

  find(name: string): Variable | undefined {
    return this.#variables.get(name)
  }

  /** The one that counts, then those that it hides. */
  findAll(name: string): readonly Variable[] {
    return this.#layers.flatMap((layer) => layer.get(name) ?? [])
  }

  startingWith(prefix: string): readonly Variable[] {
    return [...this.#variables.values()].filter(
      (variable) => variable.name.startsWith(prefix) && variable.name !== prefix,
    )
  }
}

/** The only place where the toolbox reads the environment of its process. */
export function readEnvironment(options: EnvironmentOptions, problems: string[]): Environment {
  const dotenv = readDotenv(options, problems)
  return options.environment === undefined
    ? new Environment(ownVariables(), dotenv, siteSettings, optionVariables())
    : new Environment(options.environment, dotenv)
}

function readDotenv(options: EnvironmentOptions, problems: string[]): Variables {
  const path = options.dotenv ?? (options.environment === undefined ? '.env' : false)
  if (path === false) return {}
  try {
    const text = readFileSync(resolve(path))
    const dotenv: { readonly parse: typeof parse } = requirePackage('dotenv')
    return dotenv.parse(text)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code === 'ENOENT' && options.dotenv === undefined) return {}
    problems.push(`dotenv: cannot read ${path} (${String(code ?? cause)}), expected a file`)
    return {}
  }
}

let siteSettings: Readonly<Record<string, unknown>> = {}

/** What a site file says of the settings of this process, for each Config that is made from now on. */
export function setSiteSettings(settings: Readonly<Record<string, unknown>>): void {
  siteSettings = settings
}

/** The options of the command line that are variables too, as in Celery. */
const OPTIONS: Readonly<Record<string, string>> = {
  CELERY_BROKER_URL: '-b',
  CELERY_RESULT_BACKEND: '--result-backend',
}
/** Names the variables that options of the command line set; the children of a worker inherit it with them. */
const SET_BY_OPTIONS = 'TOOLBOX_SET_BY_OPTIONS'
/** What a variable was before an option set it, by its name with this before it. */
const HIDDEN = 'TOOLBOX_HIDDEN_'

/**
 * Sets variables of this process, for what is loaded next: the command line's options are to reach the app's Config, also
 * where the app has a copy of the toolbox of its own.
 */
export function setByOptions(variables: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(variables)) {
    const before = process.env[name]
    if (before !== undefined && !isSetByOption(name)) process.env[HIDDEN + name] = before
    process.env[name] = text
    process.env[SET_BY_OPTIONS] = [...new Set([...setByOption(), name])].join()
  }
}

function setByOption(): readonly string[] {
  return process.env[SET_BY_OPTIONS]?.split(',') ?? []
}

function isSetByOption(name: string): boolean {
  return setByOption().includes(name)
}

function optionVariables(): Variables {
  return Object.fromEntries(setByOption().map((name) => [name, process.env[name]]))
}

/** The variables of this process as they were without options. */
function ownVariables(): Variables {
  const hidden = setByOption().map((name) => [name, process.env[HIDDEN + name]])
  return { ...process.env, ...Object.fromEntries(hidden) }
}

/** Sets variables of this process, for the programs that it starts. */
export function setVariables(variables: Readonly<Record<string, string>>): void {
  Object.assign(process.env, variables)
}

/** Takes variables away from the programs that this process starts. */
export function forgetVariables(names: readonly string[]): void {
  for (const name of names) delete process.env[name]
}

function variablesOf(variables: Variables, source: Variable['source']): [string, Variable][] {
  return Object.entries(variables).flatMap(([name, text]) =>
    text === undefined ? [] : [[name, { name: nameOf(name, source), text, source }]],
  )
}

/** As who gave it knows it. */
function nameOf(variable: string, source: Variable['source']): string {
  return source === 'option' ? (OPTIONS[variable] ?? variable) : variable
}

/** Colour for a terminal, unless NO_COLOR says otherwise (https://no-color.org). */
export function isTerminalColoured(isTerminal: boolean): boolean {
  return isTerminal && (process.env.NO_COLOR ?? '') === ''
}

/** Celery's REMAP_SIGTERM: the signal that SIGTERM is to be taken for. */
export function remappedTerm(): string | null {
  return process.env.REMAP_SIGTERM || null
}

/** The variable by which a worker that was started anew knows the process that starts the next one. */
export const SUPERVISOR = 'TOOLBOX_WORKER_SUPERVISOR'

export function supervisorPid(): number | null {
  return Number(process.env[SUPERVISOR]) || null
}

/** The variables that systemd sets for the services it watches. Empty counts as not set. */
export function systemdVariables(): {
  readonly notifySocket: string | null
  readonly watchdogUsec: string | null
  readonly watchdogPid: string | null
} {
  return {
    notifySocket: process.env.NOTIFY_SOCKET || null,
    watchdogUsec: process.env.WATCHDOG_USEC || null,
    watchdogPid: process.env.WATCHDOG_PID || null,
  }
}

/** Variables that Zocalo's programs read: `ZOCALO_CONFIG` and `ZOCALO_DEFAULT_ENV`. Empty counts as not set. */
export function zocaloVariable(name: 'ZOCALO_CONFIG' | 'ZOCALO_DEFAULT_ENV'): string | null {
  return process.env[name] || null
}

/** Variables of the cluster that a service runs on, for its status. Empty counts as not set. */
export function clusterVariable(
  name:
    | 'HOSTNAME'
    | 'JOB_ID'
    | 'KUBERNETES_SERVICE_HOST'
    | 'KUBERNETES_SERVICE_PORT'
    | 'SGE_CELL'
    | 'SGE_JOB_SPOOL_DIR',
): string | null {
  return process.env[name] || null
}

/** Where compiled code is kept between runs, by Node's own variables; null where it is not to be kept, or there is no home. */
export function compiledFolder(): string | null {
  const { NODE_DISABLE_COMPILE_CACHE, NODE_COMPILE_CACHE, XDG_CACHE_HOME, HOME, LOCALAPPDATA } =
    process.env
  if (NODE_DISABLE_COMPILE_CACHE) return null
  const home = HOME ? join(HOME, '.cache') : LOCALAPPDATA
  const folder = NODE_COMPILE_CACHE || XDG_CACHE_HOME || home
  return folder ? resolve(folder, 'celery-toolbox') : null
}
