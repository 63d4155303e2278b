// Node and Python workers on the same queues of Amazon SQS. Without an account, start a server that stands for it (it needs
// Node 20 and keeps nothing), and name it to all of them:
//
//     FAUXQS_PORT=4566 npx fauxqs@1
//     export SQS_URL=sqs://key:secret@127.0.0.1:4566
//     npx celery-toolbox monitor -A examples/sqs/app.ts --migrate
//     npx celery-toolbox worker -A examples/sqs/app.ts -Q export
//     (cd examples/sqs && celery -A worker worker -P solo -Q python,celery)
//
// RESULT_BACKEND says to both languages where PostgreSQL is. In a clone, `npm run build` comes first.
import { Config, createApp } from 'celery-toolbox'

export const app = createApp(
  new Config({
    queues: ['export', 'python'],
    // With nothing but `sqs://` it is Amazon's own, and the credentials are those that the AWS SDK finds.
    broker_url: process.env.SQS_URL ?? 'sqs://',
    result_backend:
      process.env.RESULT_BACKEND ?? 'db+postgresql+psycopg2://worker:cadasta@localhost/cadasta',
  }),
)

/** Many calls of one tenant keep no other tenant waiting; killed in mid-work, a call comes back. */
export const thumbnail = app.task(
  'export.thumbnail',
  { acksLate: true, fairnessKey: (tenant: string, _file: string) => tenant },
  async (tenant: string, file: string) => `${tenant}/${file}.png`,
)
