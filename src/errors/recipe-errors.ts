import { ToolboxError } from './toolbox-error.ts'

export type RecipeErrorCode =
  | 'RECIPE_UNREADABLE' // the text or object is no recipe
  | 'RECIPE_INVALID' // it was read, and its nodes and links do not fit together
  | 'RECIPE_PARAMETERS' // a parameter cannot be put in
  | 'RECIPE_MESSAGE' // a message holds no recipe, or a wrapper cannot do what it was asked

/** Where a recipe stood in its life when it failed. */
export type RecipeStage = 'load' | 'validate' | 'merge' | 'substitute' | 'message'

export interface RecipeFault extends ErrorOptions {
  readonly stage: RecipeStage
  /** What kind of fault, e.g. `missing-node`, `cycle`, `json-syntax`: docs/recipes.md lists them. */
  readonly category: string
  /** The class of Python's exception in the same place, e.g. `KeyError`, `workflows.Error`. */
  readonly pythonClass: string
  /** The node at fault, as text. */
  readonly node?: string | undefined
  /** The nodes walked to get there, from `start` or `error`. */
  readonly path?: readonly (string | number | bigint)[] | undefined
  /** The node of the path that a cycle leads back to. */
  readonly backTo?: string | number | bigint | undefined
  /** Offset into the text, in characters from 0, where it stops being JSON or a format string. */
  readonly position?: number | undefined
}

const RECIPE_CODES: Readonly<Record<RecipeStage, RecipeErrorCode>> = {
  load: 'RECIPE_UNREADABLE',
  validate: 'RECIPE_INVALID',
  merge: 'RECIPE_INVALID',
  substitute: 'RECIPE_PARAMETERS',
  message: 'RECIPE_MESSAGE',
}

/** A recipe cannot be read, is not valid, or cannot be used as it was asked to. */
export class RecipeError extends ToolboxError {
  declare readonly code: RecipeErrorCode
  readonly stage: RecipeStage
  readonly category: string
  readonly pythonClass: string
  readonly node: string | undefined
  readonly path: readonly (string | number | bigint)[] | undefined
  readonly backTo: string | number | bigint | undefined
  readonly position: number | undefined

  constructor(message: string, fault: RecipeFault) {
    super(RECIPE_CODES[fault.stage], message, fault)
    this.stage = fault.stage
    this.category = fault.category
    this.pythonClass = fault.pythonClass
    this.node = fault.node
    this.path = fault.path
    this.backTo = fault.backTo
    this.position = fault.position
  }
}

export interface SiteFault extends ErrorOptions {
  /** What kind of fault, e.g. `schema`, `unknown-version`. */
  readonly category: string
  /** Which settings are wrong: by block, then by field, with sentences. */
  readonly fields?: Readonly<Record<string, unknown>>
  /** The class of Python's exception; `ConfigurationError` unless given. */
  readonly pythonClass?: string
}

/** A Zocalo site file is wrong, or cannot be activated as asked. */
export class SiteConfigError extends ToolboxError {
  readonly category: string
  readonly fields: Readonly<Record<string, unknown>> | undefined
  readonly pythonClass: string

  constructor(message: string, fault: SiteFault) {
    super('SITE_INVALID', message, fault)
    this.category = fault.category
    this.fields = fault.fields
    this.pythonClass = fault.pythonClass ?? 'ConfigurationError'
  }
}

export type TransportErrorCode =
  | 'TRANSPORT_DISCONNECTED' // the connection could not be made, or was lost
  | 'TRANSPORT_REFUSED' // the call is not possible: unknown subscription, no such queue, an option that cannot be kept

/** A recipe transport could not do what it was asked. */
export class TransportError extends ToolboxError {
  declare readonly code: TransportErrorCode

  constructor(message: string, options?: ErrorOptions & { readonly code?: TransportErrorCode }) {
    super(options?.code ?? 'TRANSPORT_REFUSED', message, options)
  }
}

/** The connection of a transport could not be made, or was lost. */
export class DisconnectedError extends TransportError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, { ...options, code: 'TRANSPORT_DISCONNECTED' })
  }
}
