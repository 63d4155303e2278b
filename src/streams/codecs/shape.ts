import { asRunMessage } from '../parts/messages.ts'

/**
 * The type a codec gives: a Standard Schema (zod, valibot, …), an object with `parse`, a class that is built of the
 * decoded value, or a function of it. Each throws where the value does not fit.
 */
export type Shape<T> =
  | { readonly '~standard': { validate(value: unknown): unknown } }
  | { parse(value: unknown): T }
  | (new (
      value: never,
    ) => T)
  | ((value: never) => T)

/** Turns decoded values into the shape; maps with `msg_type` into Start, Event and Stop where none is given. */
export function shaper<T>(shape: Shape<T> | undefined): (value: unknown) => T {
  if (shape === undefined) return (value) => asRunMessage(value) as T
  if ('~standard' in shape) return (value) => validated(shape, value) as T
  if ('parse' in shape && typeof shape.parse === 'function') return (value) => shape.parse(value)
  if (typeof shape !== 'function')
    throw new TypeError(`a shape is ${typeof shape}, expected a schema, a class or a function`)
  if (/^class\b/.test(Function.prototype.toString.call(shape))) {
    const Type = shape as new (value: unknown) => T
    return (value) => new Type(value)
  }
  return shape as (value: unknown) => T
}

function validated(
  shape: { readonly '~standard': { validate(value: unknown): unknown } },
  value: unknown,
): unknown {
  const result = shape['~standard'].validate(value)
  if (result instanceof Promise)
    throw new TypeError('the schema validates asynchronously, expected one that answers at once')
  const { issues, value: valid } = result as {
    readonly issues?: readonly { readonly message: string; readonly path?: readonly unknown[] }[]
    readonly value?: unknown
  } // as Standard Schema has it
  if (issues === undefined) return valid
  const problems = issues.map(
    ({ message, path }) => `${path?.map(stepOf).join('.') ?? ''} ${message}`,
  )
  throw new TypeError(`the message does not fit its schema: ${problems.join('; ').trim()}`)
}

function stepOf(step: unknown): string {
  return String(typeof step === 'object' && step !== null && 'key' in step ? step.key : step)
}
