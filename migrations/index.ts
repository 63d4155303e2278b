import { Baseline1798000000000 } from './1798000000000-baseline.ts'

/** Every step of the schema, in order; a released one is never edited. Fit for any DataSource of TypeORM, which takes no readonly list. */
export const migrations = [Baseline1798000000000]
