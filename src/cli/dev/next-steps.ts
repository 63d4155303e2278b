import type { CeleryApp } from '../../create-app.ts'
import type { Database } from '../../database/database.ts'

/** What to do with a running dev. */
export function nextSteps({
  database,
  app,
  isEmbedded,
}: {
  readonly database: Database
  readonly app: CeleryApp
  readonly isEmbedded: boolean
}): string {
  // The embedded database is thrown away with this process, and so is its password; any other keeps its secret.
  const url = isEmbedded ? database.url : database.safeUrl
  const broker = app.broker()
  const callable = !broker.features.outlivesProcess
    ? 'The broker is in this process. To call tasks from elsewhere, run dev with --broker amqp://…'
    : `celery-toolbox -b ${broker.safeUrl} call ${app.tasks.names[0] ?? 'NAME'} --args '["roads"]' --wait`
  return `
Ask the history:
  psql '${url}' -c 'select name, status, result from monitor.task_history'
  celery-toolbox tasks list --database '${url}'
Call a task:
  ${callable}
Run your own: celery-toolbox dev -A app.ts

Ctrl-C stops everything.`
}
