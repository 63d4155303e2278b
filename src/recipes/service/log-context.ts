import { AsyncLocalStorage } from 'node:async_hooks'
import type { Logger, LogMethod } from '../../logger.ts'

type Fields = Readonly<Record<string, unknown>>

const extended = new AsyncLocalStorage<Fields>()
const carried = new WeakMap<object, Fields>()

/** Each line logged while `work` runs has the field as well; an error that leaves it carries the value. */
export async function extendLog<T>(
  field: string,
  value: unknown,
  work: () => T | Promise<T>,
): Promise<T> {
  const fields = { ...extended.getStore(), [field]: value }
  return await extended.run(fields, async () => {
    try {
      return await work()
    } catch (error) {
      if (typeof error === 'object' && error !== null && !carried.has(error)) {
        carried.set(error, fields)
      }
      throw error
    }
  })
}

/** The fields of the `extendLog` that an error came out of. */
export function fieldsOf(error: unknown): Fields {
  return typeof error === 'object' && error !== null ? (carried.get(error) ?? {}) : {}
}

/** A logger that adds the fields of the `extendLog` around it. */
export function contextual(log: Logger): Logger {
  const method = (level: 'debug' | 'info' | 'warn' | 'error'): LogMethod =>
    ((first: Fields | string, sentence?: string) => {
      const fields = extended.getStore() ?? {}
      if (typeof first === 'string') log[level](fields, first)
      else log[level]({ ...fields, ...first }, sentence ?? '')
    }) as LogMethod // both of its forms
  return {
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    child: (fields) => contextual(log.child(fields)),
  }
}
