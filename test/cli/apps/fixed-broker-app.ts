import { Config, createApp } from 'celery-toolbox'

/** Lets nobody choose its broker. */
export const app = createApp(new Config({ queues: ['export'], broker_url: 'memory://fixed' }))
