import type { ValueTransformer } from 'typeorm'

/** A bigint is a number where that is exact, else its digits: pg gives text, and a DataSource may have made a number of it. */
export const exactNumber: ValueTransformer = {
  from: (value: unknown) => {
    const number = typeof value === 'string' ? Number(value) : Number.NaN
    return Number.isSafeInteger(number) ? number : value
  },
  to: (value: unknown) => value,
}
