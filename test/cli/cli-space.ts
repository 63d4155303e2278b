import { Ledger } from '../support/ledger.ts'
import { freshDatabase } from '../support/postgres.ts'
import { type Process, runCli, startCli } from '../support/processes.ts'
import { freshVhost, type Vhost } from '../support/rabbitmq.ts'

export const APP = 'test/cli/apps/export-app.ts'

/** A virtual host and a database of one test's own, and the command line pointed at them. */
export interface CliSpace {
  readonly vhost: Vhost
  readonly database: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** What the tasks of the test's app say that they did. */
  readonly ledger: Ledger
  run(...args: string[]): ReturnType<typeof runCli>
  start(...args: string[]): Process
  /** A worker of the test's app, ready to take messages. */
  startWorker(...args: string[]): Promise<Process>
}

export async function cliSpace(
  more: Readonly<Record<string, string | undefined>> = {},
): Promise<CliSpace> {
  const [vhost, database] = [await freshVhost(), await freshDatabase()]
  const ledger = new Ledger()
  const env = {
    RUN_LEDGER: ledger.file,
    CELERY_BROKER_URL: vhost.url,
    CELERY_RESULT_BACKEND: `db+${database}`,
    CELERY_QUEUES: "['export']",
    ...more,
  }
  const start = (...args: string[]): Process => startCli(args, { env })
  return {
    vhost,
    database,
    env,
    ledger,
    run: (...args) => runCli(args, { env }),
    start,
    startWorker: async (...args) => {
      const worker = start('worker', '-A', APP, ...args)
      await worker.waitForLine(/worker ready/)
      return worker
    },
  }
}
