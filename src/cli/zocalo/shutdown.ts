import type { Command } from 'commander'
import { reversedHost } from '../../recipes/service/host-id.ts'
import { print } from '../output/output.ts'
import { collected } from './collected.ts'
import { refuse, withRefusals } from './refusals.ts'
import { addSiteOptions, openSite, type SiteOptions } from './site.ts'

interface ShutdownOptions extends SiteOptions {
  readonly service: readonly string[]
}

const EXAMPLES = `
Services finish the message in hand, then end.

Examples:
  celery-toolbox shutdown -s Dispatcher
  celery-toolbox shutdown ws042.4711`

export function addShutdown(program: Command): void {
  const command = program
    .command('shutdown')
    .description('ask services to shut down (Zocalo: zocalo.shutdown)')
    .argument('[host...]', 'instances, as hostname.pid')
    .option(
      '-s, --service <name>',
      'all instances of a service; "none" for idle front ends',
      collected,
      [],
    )
    .addHelpText('after', EXAMPLES)
  addSiteOptions(command).action(
    async (hosts: readonly string[], _options: unknown, self: Command) => {
      await withRefusals(() => shutDown(hosts, self.optsWithGlobals<ShutdownOptions>()))
    },
  )
}

async function shutDown(hosts: readonly string[], options: ShutdownOptions): Promise<void> {
  if (hosts.length === 0 && options.service.length === 0) {
    print(
      'Need to specify one or more services to shut down.\n' +
        'Either specify service groups with -s or specify specific instances\nas: hostname.pid',
    )
    process.exitCode = 1
    return
  }
  const site = await openSite(options)
  await using transport = site.open(`shutdown ${process.pid}`)
  for (const given of hosts) {
    const host = hostOf(given)
    await transport.broadcast('command', { command: 'shutdown', host })
    print(`Shutting down ${host}`)
  }
  for (const given of options.service) {
    const service = given.toLowerCase() === 'none' ? null : given
    await transport.broadcast('command', { command: 'shutdown', service })
    print(`Stopping all instances of ${service ?? 'None'}`)
  }
}

/** `ws042.4711` is of the own domain. */
function hostOf(given: string): string {
  if (given.split('.').length !== 2) return given
  if (given.startsWith('.') || given.endsWith('.')) refuse(`${given}: expected hostname.pid`)
  const domain = reversedHost().split('.').slice(0, -1)
  return [...domain, given].join('.')
}
