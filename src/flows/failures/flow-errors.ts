import { FlowError } from '../../errors.ts'

/** Two atoms of one name, or one item in two places. */
export class Duplicate extends FlowError {
  constructor(message: string) {
    super('FLOW_INVALID', message)
  }
}

/** Items cannot be ordered: a cycle, or a link to an item that is not there. */
export class DependencyFailure extends FlowError {
  constructor(message: string) {
    super('FLOW_INVALID', message)
  }
}

/** Two items provide one symbol, and the flow does not say which is meant. */
export class AmbiguousDependency extends DependencyFailure {}

/** Symbols that atoms need and that neither a stored value nor a visible atom provides. */
export class MissingDependencies extends DependencyFailure {
  readonly missing: readonly string[]

  constructor(
    flow: string,
    missing: readonly string[],
    needs: ReadonlyMap<string, readonly string[]>,
  ) {
    const who = missing.map((symbol) => `"${symbol}" (needed by ${needs.get(symbol)?.join(', ')})`)
    super(
      `flow "${flow}" lacks ${who.join(', ')}: no stored value and no visible atom provides them`,
    )
    this.missing = missing
  }
}

/** The options of an item contradict each other or have wrong types. */
export class CompilationFailure extends FlowError {
  constructor(message: string) {
    super('FLOW_INVALID', message)
  }
}

/** The flow or its engine is in a state that does not allow this. */
export class InvalidState extends FlowError {
  constructor(message: string) {
    super('FLOW_STATE_INVALID', message)
  }
}

/** A value was not produced, or a record is not there. */
export class NotFound extends FlowError {
  constructor(message: string) {
    super('FLOW_VALUE_MISSING', message)
  }
}

export class StorageFailure extends FlowError {
  constructor(message: string, options?: ErrorOptions) {
    super('FLOW_STORE_FAILED', message, options)
  }
}

/** Another process owns the flow by a later lease. */
export class LeaseLost extends FlowError {
  constructor(message: string, options?: ErrorOptions) {
    super('FLOW_LEASE_LOST', message, options)
  }
}
