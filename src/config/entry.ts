/** Where a setting's value came from. */
export type Source = 'argument' | 'environment' | '.env' | 'site' | 'default' | 'derived'

/** A setting's value and where it came from. */
export interface Entry {
  readonly value: unknown
  readonly source: Source
  /** The environment variable, where it came from one. */
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
