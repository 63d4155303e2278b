import type { ValueTransformer } from 'typeorm'

/** A bigint is a number where that is exact, else its digits, whatever the DataSource makes of it: pg gives text. */
export const exactNumber: ValueTransformer = {
  from: (value: unknown) => {
    const number = typeof value === 'string' ? Number(value) : Number.NaN
    return Number.isSafeInteger(number) ? number : value
  },
  to: (value: unknown) => value,
}
