import type { PythonSettings } from '../contract/python-contract.ts'
import { asDeclarations } from '../contract/python-contract.ts'
import { migrationPage } from './migration.ts'
import type { Plan } from './plan.ts'
import { pythonSnippet, snippetFile } from './python-snippet.ts'

/** The files of the new app, by name, with what each is for. */
export function filesOf(plan: Plan): readonly ProjectFile[] {
  const { own, python, contract, topology } = plan
  return [
    { name: 'app.ts', text: appFile(plan), purpose: `the app, with a task ${own}.add` },
    { name: 'call.ts', text: callFile(plan), purpose: 'calls tasks' },
    { name: 'app.test.ts', text: testFile(plan), purpose: 'a test that needs no server' },
    { name: '.env', text: envFile(plan), purpose: 'the urls of broker and results' },
    {
      name: '.gitignore',
      text: 'node_modules\n.env\n',
      purpose: 'keeps .env out of the repository',
    },
    { name: 'tsconfig.json', text: TSCONFIG, purpose: 'for the compiler' },
    {
      name: snippetFile(own),
      text: pythonSnippet(plan),
      purpose: `what a Python app needs to call ${own}.add`,
    },
    ...(contract === undefined
      ? []
      : [
          {
            name: 'python-tasks.d.ts',
            text: asDeclarations(contract),
            purpose: "types of the Python app's tasks",
          },
        ]),
    ...(python !== undefined && topology === 'celery'
      ? [
          {
            name: 'mirrored-topology.md',
            text: migrationPage(plan),
            purpose: "how to record Python's calls as well, step by step",
          },
        ]
      : []),
  ]
}

interface ProjectFile {
  readonly name: string
  readonly text: string
  readonly purpose: string
}

const TSCONFIG = `{
  "compilerOptions": {
    "target": "es2023",
    "lib": ["es2023", "esnext.disposable"],
    "module": "nodenext",
    "types": ["node"],
    "strict": true,
    "skipLibCheck": true,
    "noEmit": true
  },
  "include": ["*.ts"]
}
`

const WITH_COPIES =
  '// Each call is copied to platform.fifo, for "celery-toolbox monitor". Without a monitor set MIRROR: false.'
const WITHOUT_COPIES =
  '// With a monitor, take MIRROR out: each call is then copied to platform.fifo, which grows until one reads it.'

function appFile(plan: Plan): string {
  const { own, topology } = plan
  const settings = settingsOf(plan).map((line) => `  ${line},\n`)
  return `// npx celery-toolbox worker -A app.ts -Q ${own}
import { Config, createApp } from 'celery-toolbox'

// CELERY_BROKER_URL and CELERY_RESULT_BACKEND are in .env.
${topology === 'celery' ? WITHOUT_COPIES : WITH_COPIES}
const config = new Config({
${settings.join('')}})
export const app = createApp(config)

export const add = app.task('${own}.add', async (x: number, y: number) => x + y)

export const greet = app.task(
  '${own}.greet',
  { params: ['name'], maxRetries: 5, retryBackoff: true },
  async (name: string) => \`Hello, \${name}\`,
)

// An answer as late as you like: with acksLate a run that is cut short goes to another worker.
export const report = app.task(
  '${own}.report',
  { bind: true, acksLate: true },
  async (self, slug: string) => {
    await self.updateState('PROGRESS', { done: 1 })
    return \`\${slug}.pdf\`
  },
)
`
}

function settingsOf({ topology, own, others, python }: Plan): readonly string[] {
  if (topology === 'mirrored') {
    const queues = [own, ...others.filter((name) => name !== own)]
    return [`queues: [${queues.map(quoted).join(', ')}]`]
  }
  return [
    "TOPOLOGY: 'celery'",
    `queues: [${quoted(own)}]`,
    ...(python === undefined || python.queue === 'celery'
      ? []
      : [`task_default_queue: ${quoted(python.queue)}`]),
    ...(python === undefined || python.exchange === python.queue
      ? []
      : [`task_default_exchange: ${quoted(python.exchange)}`]),
    ...(python === undefined || python.exchange_type === 'direct'
      ? []
      : [`task_default_exchange_type: ${quoted(python.exchange_type)}`]),
    ...(python === undefined ? [] : declaredQueues(own, python)),
    'MIRROR: false',
  ]
}

/** RabbitMQ refuses a queue that is declared otherwise than it is: the default queue as Python declares it. */
function declaredQueues(own: string, python: PythonSettings): readonly string[] {
  const { queue, exchange, exchange_type, binding_key = queue, queue_arguments = {} } = python
  if (binding_key === queue && Object.keys(queue_arguments).length === 0) return []
  const theirs = { name: queue, exchange, exchange_type, routing_key: binding_key, queue_arguments }
  const ours = { name: own, exchange: own, exchange_type: 'direct', routing_key: own }
  const lines = [theirs, ours].map((each) => `\n    ${JSON.stringify(each)},`)
  return [`task_queues: [${lines.join('')}\n  ]`]
}

function callFile({ contract = {} }: Plan): string {
  const [theirs] = Object.keys(contract)
  const hint =
    theirs === undefined
      ? ''
      : `  // Tasks of Python have types, too: await app.sendTask(${quoted(theirs)}, […])\n`
  return `// npx tsx call.ts, while the worker runs
import { add, app } from './app.js'

async function main(): Promise<void> {
  const result = await add.delay(2, 3)
  console.log(await result.get({ timeoutMs: 10_000 }))
${hint}  await app.close()
}
void main()
`
}

function testFile({ own }: Plan): string {
  return `// node --import tsx --test app.test.ts
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestApp } from 'celery-toolbox/testing'
import { add, app, greet } from './app.js'

test('a sum is called, run and answered', async () => {
  const running = await startTestApp(app)
  const result = await add.delay(2, 3)
  assert.equal(await result.get({ timeoutMs: 5000 }), 5)
  running.expectPublished('${own}.add', { args: [2, 3] })
  await running.close()
})

test('a greeting names whom it greets', async () => {
  assert.equal(await greet.run('Ada'), 'Hello, Ada')
})
`
}

function envFile({ brokerUrl, resultBackend }: Plan): string {
  return `CELERY_BROKER_URL='${brokerUrl}'\nCELERY_RESULT_BACKEND='${resultBackend}'\n`
}

/** As a text of JavaScript. */
function quoted(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}
