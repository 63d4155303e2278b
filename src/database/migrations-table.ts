/**
 * Where the migrations that ran are noted. In public, as it must be there before the first migration makes the schema
 * monitor, and must outlive the last `down`, which drops it; under a name that no application's own table has.
 */
export const MIGRATIONS_TABLE = 'celery_toolbox_migrations'
