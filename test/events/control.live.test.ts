import { describe, expect, test } from 'vitest'
import type { CeleryApp } from '../../src/index.ts'
import { startWorker } from '../support/embedded-app.ts'
import { freshServers, liveApp, type Servers } from '../support/live-app.ts'
import { runPython, runPythonJson, startPythonWorker } from '../support/python-celery.ts'

const WAIT = { timeoutMs: 20_000 }
const ANSWERS = { reply: true, timeoutMs: 5_000 }

describe.each(['new', 'old'] as const)('Celery (%s)', (python) => {
  test('workers of both languages hear and answer both, and tell each other what is revoked', async () => {
    const servers = await freshServers()
    const app = nodeApp(servers)
    await startWorker(app, { name: 'node@test', queues: ['export'] })
    await app.control.revoke('known', { ...ANSWERS, destination: ['node@test'] })
    await forget(app, 'known')
    await startPythonWorker({
      python,
      env: servers.env,
      queues: ['python'],
      args: ['-n', 'python@test', '--without-gossip'],
    })
    const [told, pong, asked, shown] = await Promise.all([
      app.sendTask('python.add', [1, 1], {}, { taskId: 'known' }),
      app.control.ping({ destination: ['node@test', 'python@test'], timeoutMs: 10_000 }),
      runPythonJson<unknown>(ASKED, { python, env: servers.env }),
      runPython(INSPECT, { python, env: servers.env }),
    ])
    await expect(told.get(WAIT)).rejects.toMatchObject({ excType: 'TaskRevokedError' })
    expect(Object.assign({}, ...pong)).toEqual({
      'node@test': { ok: 'pong' },
      'python@test': { ok: 'pong' },
    })
    expect(asked).toEqual([
      { 'node@test': { ok: 'new rate limit set successfully' } },
      { 'node@test': { ok: 'time limits set successfully' } },
      { 'node@test': { error: "KeyError('no_such_command')" } },
      { 'node@test': ['known'] },
    ])
    expect(shown).toMatch(/node@test: OK\s+pong/)
  })
})

/** What Python asks our worker, alone. */
const ASKED = `
import json, toolbox_app
app = toolbox_app.setup() if hasattr(toolbox_app, 'setup') else toolbox_app.app
def ask(method, **arguments):
    [answer] = app.control.broadcast(method, arguments, destination=['node@test'], reply=True, timeout=10)
    return answer
print(json.dumps([
    ask('rate_limit', task_name='export.add', rate_limit='10/m'),
    ask('time_limit', task_name='export.add', soft=1.5, hard=2.5),
    ask('no_such_command'),
    ask('revoked'),
]))`

/** The command line: celery -A toolbox_app inspect ping. */
const INSPECT = `
import sys
from celery.__main__ import main
sys.argv = ['celery', '-A', 'toolbox_app', 'inspect', 'ping', '-d', 'node@test', '-t', '10']
sys.exit(main())`

function nodeApp(servers: Servers): CeleryApp {
  const app = liveApp(servers)
  app.task('export.add', (a: number, b: number) => a + b)
  return app
}

/** So that what is stored later comes from the other worker. */
async function forget(app: CeleryApp, taskId: string): Promise<void> {
  await app.asyncResult(taskId).forget()
}
