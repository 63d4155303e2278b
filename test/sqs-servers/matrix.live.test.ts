import { describe } from 'vitest'
import { PYTHONS } from '../matrix/features.ts'
import { matrixOnSqs } from '../matrix/matrix-suite.ts'
import { startElasticMq } from '../support/sqs-servers.ts'

// ElasticMQ speaks both protocols: Celery 5.2 has boto's old one.
describe.each(PYTHONS)('%s Celery', (python) => {
  matrixOnSqs(python, { start: startElasticMq })
})
