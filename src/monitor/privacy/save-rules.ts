import type { Database } from '../../database/database.ts'
import { globSource, shownSource } from './redaction-rules.ts'

/** Gives the database the rules of the setting REDACT, for results that it takes over by itself. */
export async function saveRules(database: Database, lines: readonly string[]): Promise<void> {
  const rows = lines
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map(rowOf)
  await database.transaction(async (connection) => {
    // One after the other: of two monitors that start with other rules, each would delete what the other writes, and they would deadlock.
    await connection.query('LOCK TABLE monitor.redaction IN SHARE ROW EXCLUSIVE MODE')
    await connection.query('DELETE FROM monitor.redaction WHERE rule <> ALL ($1)', [
      rows.map(({ rule }) => rule),
    ])
    for (const { rule, path, task, shown } of rows) {
      await connection.query(
        `INSERT INTO monitor.redaction (rule, path, task, shown) VALUES ($1, $2, $3, $4)
         ON CONFLICT (rule) DO UPDATE SET path = excluded.path, task = excluded.task, shown = excluded.shown
         WHERE (redaction.path, redaction.task, redaction.shown)
           IS DISTINCT FROM (excluded.path, excluded.task, excluded.shown)`,
        [rule, path, task, shown],
      )
    }
  })
}

/** PostgreSQL's regular expressions; a path begins with a dot. */
function rowOf(rule: string) {
  const colon = rule.lastIndexOf(':')
  const keys = rule.slice(colon + 1).split('.')
  const path = keys.map((key) => `\\.${globSource(key, '[^.]*')}`).join('')
  return {
    rule,
    path: colon < 0 ? `${path}$` : `^${path}$`,
    task: colon < 0 ? null : `^${globSource(rule.slice(0, colon), '.*')}$`,
    shown: shownSource(rule),
  }
}
