import { encodeJson } from '../../codecs/json/json.ts'
import { repr } from '../../codecs/python/python-repr.ts'
import { FlowError } from '../../errors.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { textOf, textOfError } from '../../text-of-error.ts'

/** A failure as it is stored, in TaskFlow's form. */
interface FailureJson {
  readonly version: 1
  readonly exception_str: string
  readonly traceback_str: string
  readonly exc_type_names: readonly string[]
  readonly exc_args: readonly unknown[]
  readonly causes: readonly FailureJson[]
}

/** A class of errors, or its name. */
type ErrorType = string | (abstract new (...args: never[]) => unknown)

const ROOT = 'Exception'
const DEEPEST_CAUSE = 10

/** An error as a value: kept with its atom, given to reverts and retries, stored, and thrown again at the end. */
export class Failure {
  /** The thrown value itself; undefined for a failure that was read back from storage. */
  readonly error: unknown
  readonly isLive: boolean
  readonly #json: FailureJson

  private constructor(json: FailureJson, live?: { readonly error: unknown }) {
    this.#json = json
    this.isLive = live !== undefined
    this.error = live?.error
  }

  static from(error: unknown): Failure {
    if (error instanceof Failure) return error
    return new Failure(jsonOfAny(error), { error })
  }

  static fromJSON(value: unknown): Failure {
    return new Failure(checkedJson(value, DEEPEST_CAUSE))
  }

  /** The error's class, e.g. "TypeError". */
  get type(): string {
    return this.#json.exc_type_names[0] ?? ROOT
  }

  get message(): string {
    return this.#json.exception_str
  }

  get traceback(): string {
    return this.#json.traceback_str
  }

  get typeNames(): readonly string[] {
    return this.#json.exc_type_names
  }

  get args(): readonly unknown[] {
    return this.#json.exc_args
  }

  get causes(): readonly Failure[] {
    return this.#json.causes.map((cause) => new Failure(cause))
  }

  /** The first of these types, by name or class, that the error is one of. */
  check(...types: readonly ErrorType[]): ErrorType | undefined {
    return types.find((type) =>
      this.typeNames.includes(typeof type === 'string' ? type : type.name),
    )
  }

  toJSON(): FailureJson {
    return this.#json
  }

  toString(): string {
    return `${this.type}: ${this.message}`
  }

  /** Throws the live error itself; a stored failure is wrapped. */
  rethrow(): never {
    throw this.#thrown()
  }

  #thrown(): unknown {
    return this.isLive ? this.error : new WrappedFailure([this])
  }

  /** Throws one failure as its error, several as a WrappedFailure, none not at all. */
  static rethrowAny(failures: readonly Failure[]): void {
    const [first] = failures
    if (first !== undefined && failures.length === 1) first.rethrow()
    if (first !== undefined) throw new WrappedFailure(failures)
  }
}

/** Several failures as one error, or one that is no live error any more. Nested ones are flattened. */
export class WrappedFailure extends FlowError {
  readonly failures: readonly Failure[]

  constructor(failures: readonly Failure[]) {
    const all = failures.flatMap((failure): readonly Failure[] =>
      failure.error instanceof WrappedFailure ? failure.error.failures : [failure],
    )
    super('FLOW_FAILED', `WrappedFailure: [${all.map(String).join(', ')}]`)
    this.failures = all
  }

  [Symbol.iterator](): Iterator<Failure> {
    return this.failures[Symbol.iterator]()
  }

  /** The first of these types that one of the failures is. */
  check(...types: readonly ErrorType[]): ErrorType | undefined {
    return this.failures
      .map((failure) => failure.check(...types))
      .find((type) => type !== undefined)
  }
}

/** Anything can be thrown, also what cannot be read or has no text. */
function jsonOfAny(error: unknown): FailureJson {
  try {
    return jsonOf(error, DEEPEST_CAUSE)
  } catch (cause) {
    const type = typeof error
    return jsonOf(new TypeError(`the thrown ${type} cannot be read`, { cause }), DEEPEST_CAUSE)
  }
}

function jsonOf(error: unknown, depth: number): FailureJson {
  const args = argsOf(error)
  const cause = error instanceof Error && depth > 0 ? error.cause : undefined
  return {
    version: 1,
    exception_str: errorText(error, args),
    traceback_str: stackOf(error),
    exc_type_names: typeNamesOf(error),
    exc_args: args.map(storable),
    causes: cause === undefined || cause === null ? [] : [jsonOf(cause, depth - 1)],
  }
}

/** The error's own name first, then the classes it extends, and at last Python's root. */
function typeNamesOf(error: unknown): string[] {
  const names = new Set<string>()
  if (error instanceof Error && typeof error.name === 'string' && error.name !== '') {
    if (error.name !== 'Error') names.add(error.name)
    let prototype: unknown = Object.getPrototypeOf(error)
    while (typeof prototype === 'object' && prototype !== null && prototype !== Object.prototype) {
      const name = prototype.constructor?.name
      if (typeof name === 'string' && name !== '') names.add(name)
      prototype = Object.getPrototypeOf(prototype)
    }
  }
  names.delete(ROOT)
  return [...names, ROOT]
}

/** An error that came from Python, or was made like it, has `args`. */
function argsOf(error: unknown): readonly unknown[] {
  if (!(error instanceof Error)) return [error]
  if ('args' in error && Array.isArray(error.args)) return error.args
  if ('excArgs' in error && Array.isArray(error.excArgs)) return error.excArgs
  return [error.message]
}

function errorText(error: unknown, args: readonly unknown[]): string {
  if (args.length > 1) return `(${args.map((arg) => repr(arg)).join(', ')})`
  return textOfError(error)
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return ''
  const lines = error.stack.split('\n').filter((line) => /^\s+at /.test(line))
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

function storable(value: unknown): unknown {
  try {
    encodeJson(value)
    return value
  } catch {
    return textOf(value)
  }
}

function checkedJson(value: unknown, depth: number): FailureJson {
  if (!isRecord(value))
    throw new TypeError(`a stored failure is ${typeof value}, expected an object`)
  const { exception_str, traceback_str, exc_type_names, exc_args, causes } = value
  const names = Array.isArray(exc_type_names) ? exc_type_names.map(textOf) : []
  const last = names.at(-1)
  if (last !== ROOT && last !== 'BaseException') {
    throw new TypeError(
      `a stored failure has the types ${names.join(', ')}, expected Exception as the last`,
    )
  }
  return {
    version: 1,
    exception_str: String(exception_str),
    traceback_str: String(traceback_str),
    exc_type_names: names,
    exc_args: Array.isArray(exc_args) ? exc_args : [],
    causes:
      Array.isArray(causes) && depth > 0
        ? causes.map((cause) => checkedJson(cause, depth - 1))
        : [],
  }
}
