import type { Connection } from './database.ts'

/** Lets a role that exists read all that is recorded, and what is yet to be. To be called as the role that migrates. */
export async function grantReadOnly(database: Connection, role: string): Promise<void> {
  await database.query('SELECT monitor.grant_read_only($1)', [role])
}
