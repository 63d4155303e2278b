import type { Command } from 'commander'
import { isDeadLetterQueue } from '../../../brokers/dead-letters/dead-letter-queue.ts'
import { rabbitmqQueues } from '../../../services/rabbitmq-api.ts'
import { print, printError } from '../../output/output.ts'
import { refuse, withRefusals } from '../refusals.ts'
import { addSiteOptions, openSite, type SiteOptions } from '../site.ts'

interface CheckOptions extends SiteOptions {
  readonly namespace?: string
}

const EXAMPLES = `
Asks RabbitMQ's management API, by the site's block rabbitmqapi. Exit code 1 where there are dead letters.

Examples:
  celery-toolbox dlq-check
  celery-toolbox dlq-check -n other-vhost`

export function addDlqCheck(program: Command): void {
  const command = program
    .command('dlq-check')
    .description('count the dead letters of each queue (Zocalo: zocalo.dlq_check)')
    .option('-n, --namespace <vhost>', 'virtual host (that of the site)')
    .addHelpText('after', EXAMPLES)
  addSiteOptions(command).action(async (_options: unknown, self: Command) => {
    await withRefusals(() => check(self.optsWithGlobals<CheckOptions>()))
  })
}

async function check(options: CheckOptions): Promise<void> {
  const site = await openSite(options)
  if (site.transportName !== 'PikaTransport') {
    refuse(`Transport ${site.transportName} not recognised`)
  }
  const own = options.rabbitVhost ?? site.config.block('pika')?.vhost
  const vhost = options.namespace ?? String(own ?? '/')
  const queues = await rabbitmqQueues(site.config, vhost)
  let total = 0
  for (const { name, messages } of queues) {
    if (!isDeadLetterQueue(name) || messages === 0) continue
    print(`DLQ for ${name.slice(4)} contains ${messages} entries`)
    total += messages
  }
  if (total === 0) return print('No DLQ messages found')
  printError(`Total of ${total} DLQ messages found`)
  process.exitCode = 1
}
