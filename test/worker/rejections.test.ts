import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

const APP = `
  import { createApp } from './src/index.ts'
  import { Config } from './src/config/index.ts'
  const lines = []
  const logger = { debug() {}, info() {}, warn() {}, error: (_fields, text) => lines.push(text), child: () => logger }
  const config = new Config({ broker_url: 'memory://rejections', result_backend: 'cache+memory://', queues: ['q'], dotenv: false })
  const app = createApp(config, { logger })
  const forget = app.task('q.forget', async () => { void Promise.reject(new Error('of a task')) })
  const worker = app.worker()
  await worker.start()
`

function run(program: string) {
  const args = ['--import', 'tsx', '--input-type=module', '-e', APP + program]
  return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
}

test('the rejections of the program around a worker end that program, as without a worker', {
  timeout: 90_000,
}, () => {
  const { status, stderr } = run(
    "void Promise.reject(new Error('of the program')); setTimeout(() => {}, 5000)",
  )
  expect(stderr).toContain('of the program')
  expect(status).toBe(1)
})

test('a promise that a task forgot is logged, and the program goes on', { timeout: 90_000 }, () => {
  const { status, stdout, stderr } = run(`
    await (await forget.delay()).get({ timeoutMs: 5000 })
    await new Promise((resolve) => setTimeout(resolve, 50))
    console.log(lines.join())
    process.exit(7)
  `)
  expect(stderr).toBe('')
  expect(stdout).toContain('a task left a rejected promise unhandled')
  expect(status).toBe(7)
})
