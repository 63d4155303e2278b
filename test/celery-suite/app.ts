import { Config, createApp } from '../../src/index.ts'
import { addCallingTasks } from './tasks/calling.ts'
import { declarer } from './tasks/declare.ts'
import { addFailingTasks } from './tasks/failing.ts'
import { addPlainTasks } from './tasks/plain.ts'
import { addRedisTasks } from './tasks/redis.ts'
import { addReplacedTasks } from './tasks/replaced.ts'
import { addRequestTasks } from './tasks/request.ts'

/** Named by the suite itself (its t/integration/conftest.py). */
const { TEST_BROKER, TEST_BACKEND } = process.env

/** The tasks that Celery's integration suite calls (its t/integration/tasks.py), on the one queue that it uses. */
const config = new Config({
  queues: ['celery'],
  broker_url: TEST_BROKER ?? 'amqp://',
  result_backend: TEST_BACKEND ?? 'redis://',
  result_extended: true,
  task_default_queue: 'celery',
  task_default_exchange: 'celery',
  task_default_exchange_type: 'direct',
  task_queues: ['celery'],
  task_routes: () => ({ queue: 'celery' }),
  dotenv: false,
  environment: {},
})

export const app = createApp(config)

const declare = declarer(app)
app.task('celery.ping', () => 'pong')
addPlainTasks(declare)
addRequestTasks(app, declare)
addRedisTasks(app, declare)
addFailingTasks(app, declare)
addReplacedTasks(app, declare)
addCallingTasks(app, declare)
