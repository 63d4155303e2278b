// The app of test/faults/hostile-messages.live.test.ts, in processes of their own: celery-toolbox worker -A …/hostile-app.ts
import { Config, createApp } from 'celery-toolbox'

export const app = createApp(new Config({ dotenv: false }))

app.task('hostile.take', (...args: unknown[]) => args.length)

app.task('hostile.fail', () => {
  throw new Error('no')
})
