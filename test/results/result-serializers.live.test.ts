import { expect, onTestFinished, test } from 'vitest'
import { LocalDate } from '../../src/codecs/values.ts'
import { openResultStore } from '../../src/results/open-result-store.ts'
import { failure, success } from '../contracts/stored-results.ts'
import { freshDatabase } from '../support/postgres.ts'
import { runPythonJson } from '../support/python-celery.ts'

const VALUE = { list: [1, 'zwei', null, 1.5], date: new LocalDate('2024-02-29') }
const ABOUT = { name: 'python.add', args: [1, 'é'], kwargs: { k: [2] }, retries: 0 }
const EXCEPTION = { excType: 'ValueError', excModule: 'builtins', excMessage: ['no good', 3] }

// Debian's Celery comes without msgpack.
test.each([
  ['new', 'json'],
  ['new', 'yaml'],
  ['new', 'msgpack'],
  ['old', 'yaml'],
] as const)(
  'results of the %s Celery and ours are read by both, with result_serializer %s',
  async (python, serializer) => {
    const url = await freshDatabase()
    const store = await openResultStore({
      result_backend: `db+${url.replace(/^postgres:/, 'postgresql:')}`,
      result_serializer: serializer,
      result_extended: true,
    })
    onTestFinished(() => store.close())
    const isTyped = serializer !== 'msgpack' // which knows no dates
    const value = isTyped ? VALUE : VALUE.list
    await store.save({ ...success(value), ...ABOUT, taskId: 'ours' })
    await store.save({ ...failure(EXCEPTION, 'traceback'), ...ABOUT, taskId: 'our-failure' })

    const seen = await runPythonJson(
      `
import datetime, json, sys, toolbox_app
from celery.app.task import Context
app = toolbox_app.app
serializer, is_typed = sys.argv[1], sys.argv[2] == 'true'
app.conf.update(result_serializer=serializer, result_extended=True, accept_content=['json', 'yaml', 'msgpack'])
about = Context(task='python.add', args=[1, 'é'], kwargs={'k': [2]}, retries=0, hostname='w', delivery_info={})
values = [1, 'zwei', None, 1.5]
value = {'list': values, 'date': datetime.date(2024, 2, 29)} if is_typed else values
app.backend.store_result('theirs', value, 'SUCCESS', request=about)
app.backend.mark_as_failure('their-failure', ValueError('no good', 3), traceback='traceback', request=about)
ours, failed = app.AsyncResult('ours'), app.AsyncResult('our-failure')
print(json.dumps([repr(ours.result), ours.name, ours.args, ours.kwargs, repr(failed.result), failed.args]))`,
      {
        python,
        env: { RESULT_BACKEND: url, AMQP_URL: 'memory://' },
        args: [serializer, String(isTyped)],
      },
    )
    const shown = "[1, 'zwei', None, 1.5]"
    expect(seen).toEqual([
      isTyped ? `{'list': ${shown}, 'date': datetime.date(2024, 2, 29)}` : shown,
      'python.add',
      [1, 'é'],
      { k: [2] },
      "ValueError('no good', 3)",
      [1, 'é'],
    ])
    expect(await store.get('theirs')).toMatchObject({ ...ABOUT, status: 'SUCCESS', result: value })
    expect(await store.get('their-failure')).toMatchObject({
      ...ABOUT,
      status: 'FAILURE',
      result: EXCEPTION,
    })
  },
)
