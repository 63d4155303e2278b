// The app of test/faults/hostile-*.live.test.ts, in processes of their own: celery-toolbox worker -A …/hostile-app.ts
import { Config, createApp } from 'celery-toolbox'
import { ODD_VALUES } from './odd-outcomes.ts'

export const app = createApp(new Config({ dotenv: false }))

app.task('hostile.take', (...args: unknown[]) => args.length)

app.task('hostile.fail', () => {
  throw new Error('no')
})

app.task('hostile.return', (name: string, bytes: number) => ODD_VALUES[name]?.(bytes))

app.task('hostile.throw', (name: string, bytes: number) => {
  throw ODD_VALUES[name]?.(bytes)
})
