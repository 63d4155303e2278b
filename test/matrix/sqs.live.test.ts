import { fauxqs } from '../brokers/sqs/fauxqs.ts'
import { matrixOnSqs } from './matrix-suite.ts'

// A row of each kind, on a server in this process. The whole is in test/sqs-servers/matrix.live.test.ts.
matrixOnSqs('new', {
  carriers: ['standard queues'],
  names: ['call', 'exceptions', 'chain', 'chord', 'retry', 'eta'],
  start: async () => {
    const { port } = await fauxqs()
    return { host: `127.0.0.1:${port}`, stop: async () => undefined }
  },
})
