import type * as Typeorm from 'typeorm'
import { DatabaseError } from '../errors.ts'
import { requirePackage } from '../installed-packages.ts'

/** TypeORM, which entities and repositories need and nothing else: a producer, a worker or a monitor installs none. */
export function loadTypeorm(): typeof Typeorm {
  try {
    return requirePackage('typeorm')
  } catch (cause) {
    throw driverMissing(cause)
  }
}

function driverMissing(cause: unknown): DatabaseError {
  return new DatabaseError(
    'DATABASE_DRIVER_MISSING',
    'the entities of celery-toolbox/monitor need the package "typeorm", which is not installed; run: npm install celery-toolbox typeorm',
    { cause },
  )
}
