import { Config } from '../../src/index.ts'

/** Each mistake is reported at the setting that is wrong, not at the call: only then is the line below refused. */
export const configs = [
  new Config({
    queues: ['export'],
    // @ts-expect-error: misspelt
    brokr_url: 'amqp://localhost',
  }),
  new Config({
    // @ts-expect-error: of the wrong type
    broker_url: 5,
    queues: ['export'],
  }),
  new Config({ strict: false, anything: 1 }),
]
