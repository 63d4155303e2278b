import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger as NestLogger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common'
import {
  type CeleryApp,
  Config,
  createApp,
  type Logger,
  type Task,
  type Worker,
} from 'celery-toolbox'

/** The app with its tasks, and a worker that lives as long as the application. */
@Injectable()
export class Tasks
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly app: CeleryApp
  readonly add: Task<[x: number, y: number], number>
  readonly #worker: Worker

  constructor() {
    const config = new Config({
      queues: ['sums'],
      broker_url: process.env.AMQP_URL ?? 'amqp://localhost',
      result_backend: process.env.RESULT_BACKEND ?? 'rpc://',
    })
    this.app = createApp(config, { logger: nestLogger(new NestLogger('celery')) })
    this.add = this.app.task('sums.add', async (x: number, y: number) => x + y)
    this.#worker = this.app.worker()
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#worker.start()
  }

  /** While requests are still answered: takes nothing new, ends what runs. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.#worker.stop({ graceMs: 10_000 })
  }

  async onApplicationShutdown(): Promise<void> {
    await this.app.close()
  }
}

/** What the toolbox logs, as Nest's logger writes it. */
function nestLogger(logger: NestLogger, fixed: Record<string, unknown> = {}): Logger {
  const at =
    (level: 'debug' | 'log' | 'warn' | 'error') =>
    (first: Readonly<Record<string, unknown>> | string, sentence = ''): void => {
      if (typeof first === 'string') logger[level](first, fixed)
      else logger[level](sentence, { ...fixed, ...first })
    }
  return {
    debug: at('debug'),
    info: at('log'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => nestLogger(logger, { ...fixed, ...fields }),
  }
}
