import { needed, query } from './environment.ts'

/**
 * Works with a PostgreSQL that writes each commit to the disk, as one in production does; the tests' server does not.
 * A server whose settings may not be changed is measured as it is, and named.
 */
export async function withFsync(work: () => Promise<void>): Promise<void> {
  const was = await setFsync('on')
  try {
    await work()
  } finally {
    if (was === 'off') await setFsync('off')
  }
}

async function setFsync(value: 'on' | 'off'): Promise<string | undefined> {
  const url = needed('DATABASE_URL')
  try {
    const [before] = await query<{ fsync: string }>(url, 'show fsync')
    if (before?.fsync !== value) {
      await query(url, `alter system set fsync = ${value}`)
      await query(url, 'select pg_reload_conf()')
    }
    return before?.fsync
  } catch (error) {
    console.error(`fsync stays as it is: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}
