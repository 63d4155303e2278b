/** Where a setting's value came from; `option` is one of the command line. */
export type Source = 'option' | 'argument' | 'environment' | '.env' | 'site' | 'default' | 'derived'

/** A setting's value and where it came from. */
export interface Entry {
  readonly value: unknown
  readonly source: Source
  /** The environment variable or the option, where it came from one. */
  readonly variable?: string
  /** Where else it was given, to no effect. */
  readonly shadowed?: readonly Place[]
}

export interface Place {
  readonly source: Source
  readonly variable?: string
  /** It was given the same value there. */
  readonly isSame: boolean
}
