import { Config, createApp } from 'celery-toolbox'

/** The app of our producer and of our worker; CELERY_* say where its queues are. */
export const app = createApp(new Config({ result_backend: 'disabled://', dotenv: false }))

export const note = app.task('export.note', async () => undefined)
