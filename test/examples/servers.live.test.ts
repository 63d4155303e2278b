import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MODULES, runIn } from '../projects/project.ts'
import { freshServers } from '../support/live-app.ts'
import { type Process, startProcess } from '../support/processes.ts'
import { PROJECT } from '../support/services.ts'

const EXAMPLES = join(PROJECT, 'examples')
const NESTJS = join(EXAMPLES, 'nestjs/tsconfig.json')

test.each([
  ['fastify/server.ts', {}, { code: 0, signal: null }],
  // Nest ends itself with the signal that it was sent, once its hooks have run.
  ['nestjs/main.ts', { TSX_TSCONFIG_PATH: NESTJS }, { code: null, signal: 'SIGTERM' }],
] as const)(
  '%s calls a task, runs it, answers its result, and ends on request',
  async (file, more, exit) => {
    const { vhost, env } = await freshServers(['sums'])
    const server = startProcess(process.execPath, ['--import', 'tsx', join(EXAMPLES, file)], {
      env: { AMQP_URL: vhost.url, RESULT_BACKEND: env.CELERY_RESULT_BACKEND, PORT: '0', ...more },
    })
    const url = await addressOf(server)
    const called = await fetch(`${url}/sums`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ x: 2, y: 3 }),
    })
    expect(called.status).toBe(202)
    const { id } = (await called.json()) as { id: string } // as both answer
    expect(await (await fetch(`${url}/sums/${id}`)).json()).toEqual({ sum: 5 })
    expect(await server.stop('SIGTERM')).toEqual(exit)
    expect(server.stderr).toBe('')
  },
)

test('nestjs compiles as Nest projects do', async () => {
  expect(await runIn(PROJECT, join(MODULES, '.bin/tsc'), ['-p', NESTJS])).toBe('')
})

async function addressOf(server: Process): Promise<string> {
  const [url] = await server.waitForLine(/http:\/\/\S+/)
  return url.replace('[::1]', 'localhost')
}
