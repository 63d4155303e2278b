import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startProcess } from '../support/processes.ts'
import { runPythonJson, startPythonWorker } from '../support/python-celery.ts'
import { freshVhost } from '../support/rabbitmq.ts'
import { PROJECT, service } from '../support/services.ts'
import { waitFor } from '../support/wait-for.ts'

const EXAMPLE = join(PROJECT, 'examples/python')

test.each(['new', 'old'] as const)(
  'a Python app of the %s Celery runs its own tasks, and the platform queue gets a copy of each',
  async (python) => {
    const { url, rabbitmqctl } = await freshVhost()
    const env = { AMQP_URL: url, DATABASE_URL: service('DATABASE_URL'), QUEUES: 'python' }
    await startPythonWorker({ python, env })

    const sum = await runPythonJson<number>(
      'import json, toolbox_app; app = toolbox_app.setup()\n' +
        'print(json.dumps(app.send_task("python.add", [2, 3]).get(timeout=10)))',
      { python, env },
    )

    expect(sum).toBe(5)
    expect(await rabbitmqctl('list_queues', 'name', 'messages')).toMatch(/^platform\.fifo\t1$/m)
  },
)

test('the Python example declares one topic exchange with each queue bound by its name', async () => {
  const { url, rabbitmqctl } = await freshVhost()
  const python = service('PYTHON_CELERY')

  const program = startProcess(python, ['app.py'], { cwd: EXAMPLE, env: { AMQP_URL: url } })

  expect(await program.exited).toEqual({ code: 0, signal: null })
  const bindings = await rabbitmqctl(
    'list_bindings',
    'source_name',
    'routing_key',
    'destination_name',
  )
  const ours = bindings.split('\n').filter((line) => line.startsWith('task_exchange'))
  expect(ours.sort()).toEqual([
    'task_exchange\t#\tplatform.fifo',
    'task_exchange\tcelery\tcelery',
    'task_exchange\texport\texport',
    'task_exchange\tpython\tpython',
  ])
})

test('a task of the Python example starts a task that lives elsewhere', async () => {
  const { url, rabbitmqctl } = await freshVhost()
  const env = { AMQP_URL: url, RESULT_BACKEND: 'rpc://' }
  const worker = startProcess(
    service('PYTHON_CELERY'),
    ['-m', 'celery', '-A', 'app', 'worker', '-P', 'solo', '-Q', 'python', '-l', 'INFO'],
    { cwd: EXAMPLE, env: { ...env, C_FORCE_ROOT: '1' } },
  )
  await worker.waitForLine(/ ready\.$/m)

  const caller = startProcess(
    service('PYTHON_CELERY'),
    ['-c', 'from app import announce; announce.delay("parcels").get(timeout=10)'],
    { cwd: EXAMPLE, env },
  )

  expect((await caller.exited).code).toBe(0)
  await waitFor('the started task in its queue', async () =>
    (await rabbitmqctl('list_queues', 'name', 'messages')).includes('export\t1'),
  )
})
