import { itemAtKey } from '../../codecs/ordered-dict.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import { textOfError } from '../../text-of-error.ts'
import type { SiteConfig } from '../site/site-config.ts'
import type { RecipeWrapper } from './recipe-wrapper.ts'

export interface WrapperEnvironment {
  readonly config?: SiteConfig
  readonly log?: Logger
  /** Aborted when the job is to end early. */
  readonly signal?: AbortSignal
}

export interface WrapperClass {
  new (environment?: WrapperEnvironment): BaseWrapper
}

/**
 * A job that runs once, with the recipe message it was started for (Zocalo: zocalo.wrapper.BaseWrapper). What it reports
 * goes to the outputs of its step that have these names; without a recipe wrapper nothing is sent.
 */
export class BaseWrapper {
  readonly #environment: WrapperEnvironment
  #wrapper: RecipeWrapper | null = null
  #log: Logger

  constructor(environment: WrapperEnvironment = {}) {
    this.#environment = environment
    this.#log = environment.log ?? silentLogger
  }

  /** What the job does. True is success, false a failure. For subclasses. */
  async run(): Promise<boolean> {
    throw new Error('a wrapper needs a method run()')
  }

  setRecipeWrapper(wrapper: RecipeWrapper): void {
    this.#wrapper = wrapper
    const id = itemAtKey(wrapper.environment, 'ID')
    if (id) this.#log = (this.#environment.log ?? silentLogger).child({ recipe_ID: id })
  }

  get recwrap(): RecipeWrapper | null {
    return this.#wrapper
  }

  get config(): SiteConfig | null {
    return this.#environment.config ?? null
  }

  /** With the id of the recipe in every record. */
  get log(): Logger {
    return this.#log
  }

  get signal(): AbortSignal | undefined {
    return this.#environment.signal
  }

  async prepare(payload: unknown = ''): Promise<void> {
    await this.#report('starting', payload)
  }

  async update(payload: unknown = ''): Promise<void> {
    await this.#report('updates', payload)
  }

  async done(payload: unknown = ''): Promise<void> {
    await this.#report('completed', payload)
  }

  async success(payload: unknown = ''): Promise<void> {
    await this.#report('success', payload)
  }

  async failure(payload: unknown = ''): Promise<void> {
    await this.#report('failure', textOfError(payload))
  }

  async recordResultIndividualFile(payload: unknown): Promise<void> {
    await this.#report('result-individual-file', payload)
  }

  async recordResultAllFiles(payload: unknown): Promise<void> {
    await this.#report('result-all-files', payload)
  }

  async #report(channel: string, payload: unknown): Promise<void> {
    await this.#wrapper?.sendTo(channel, payload)
  }
}
