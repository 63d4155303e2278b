import { resolve } from 'node:path'
import type { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import { print } from '../output/output.ts'

const EXAMPLES = `
Celery's multi starts workers in the background and watches none of them. A service manager starts them again when they die
and at boot, so this prints what systemd needs; it changes nothing.

Examples:
  celery-toolbox multi start export1 export2 -A dist/app.js -Q export -c 20
  celery-toolbox multi stop export1 export2`

const ACTIONS: Readonly<Record<string, string>> = {
  start: 'enable --now',
  restart: 'restart',
  stop: 'stop',
  stopwait: 'stop',
  kill: 'kill --signal=SIGKILL',
  show: 'cat',
  names: 'list-units',
}

/** Celery's `multi`, answered with units for systemd. */
export function addMulti(program: Command): void {
  program
    .command('multi')
    .argument('<action>', `one of ${Object.keys(ACTIONS).join(', ')}`)
    .argument('[names...]', 'the workers, or how many; then the options of each')
    .description('print systemd units for several workers')
    .allowUnknownOption()
    .addHelpText('after', EXAMPLES)
    .action((action: string, words: string[], _options: unknown, command: Command) => {
      const { app } = command.optsWithGlobals<{ readonly app?: string }>()
      runMulti(action, words, app)
    })
}

function runMulti(action: string, words: readonly string[], app: string | undefined): void {
  const verb = ACTIONS[action]
  if (verb === undefined || !Object.hasOwn(ACTIONS, action)) {
    throw new UsageError(
      `multi: "${action}" is not an action, expected one of ${Object.keys(ACTIONS).join(', ')}`,
    )
  }
  const firstOption = words.findIndex((word) => word.startsWith('-'))
  const names = namesOf(firstOption < 0 ? words : words.slice(0, firstOption))
  if (names.length === 0) throw new UsageError('multi: name the workers, or say how many')
  if (action === 'start') {
    if (app === undefined) throw new UsageError('multi start needs the app: -A app.js')
    const options = firstOption < 0 ? [] : words.slice(firstOption)
    print(`# /etc/systemd/system/celery-toolbox@.service\n${unit(app, options)}`)
    print('# then:\nsystemctl daemon-reload')
  }
  print(`systemctl ${verb} ${names.map((name) => `celery-toolbox@${name}`).join(' ')}`)
}

/** As in Celery, a number alone means so many workers. */
function namesOf(words: readonly string[]): readonly string[] {
  const [first = ''] = words
  if (words.length !== 1 || !/^\d{1,3}$/.test(first)) return words
  return Array.from({ length: Number(first) }, (_, index) => `celery${index + 1}`)
}

function unit(app: string, options: readonly string[]): string {
  const program = [process.execPath, resolve(process.argv[1] ?? 'celery-toolbox')]
  const command = [...program, 'worker', '-A', app, '-n', '%i@%h', ...options]
  return `[Unit]
Description=celery-toolbox worker %i
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
NotifyAccess=all
WatchdogSec=60
WorkingDirectory=${process.cwd()}
ExecStart=${command.map(quoted).join(' ')}
ExecReload=/bin/kill -HUP $MAINPID
# SIGTERM finishes what runs and takes nothing new; systemd sends it to the worker alone, not to the children of the pool.
KillMode=mixed
TimeoutStopSec=300
Restart=on-failure
RestartPreventExitStatus=2
RestartSec=5

[Install]
WantedBy=multi-user.target
`
}

/** For systemd: the worker is to see %h, which a unit would replace, and only the name of the instance is to be filled in. */
function quoted(word: string): string {
  const text = word.replaceAll('%', '%%').replace(/^%%i@/, '%i@')
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `"${text.replace(/["\\$]/g, '\\$&')}"`
}
