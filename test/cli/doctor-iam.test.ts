import { expect, test } from 'vitest'
import { iamPolicies } from '../../src/cli/doctor/iam-policies.ts'
import { Config, type ConfigOptions } from '../../src/config/config.ts'
import { sorted } from '../support/sorted.ts'

test('a producer may find, create and send, and no more', () => {
  const { producer } = iamPolicies(configOf())
  const queues = ['dev-celery', 'dev-export', 'dev-platform.fifo']
  const resources = sorted(queues.map((name) => `arn:aws:sqs:us-west-2:*:${name}`))
  expect(producer.Statement.map(({ Action }) => Action)).toEqual([
    ['sqs:GetQueueUrl', 'sqs:CreateQueue'],
    ['sqs:SendMessage'],
  ])
  for (const { Resource } of producer.Statement) expect(sorted(Resource)).toEqual(resources)
})

test('a worker takes from its queues and may fill their dead letters; a monitor takes from the mirror alone', () => {
  const { worker, monitor } = iamPolicies(configOf())
  const of = (policy: typeof worker, sid: string) =>
    policy.Statement.find(({ Sid }) => Sid === sid)?.Resource ?? []
  expect(of(worker, 'Take')).not.toContain('arn:aws:sqs:us-west-2:*:dev-platform.fifo')
  expect(of(worker, 'Send')).toContain('arn:aws:sqs:us-west-2:*:dev-dlq-export')
  expect(of(monitor, 'Take')).toEqual(['arn:aws:sqs:us-west-2:*:dev-platform.fifo'])
  expect(of(monitor, 'Send')).toContain('arn:aws:sqs:us-west-2:*:dev-dlq-platform.fifo')
})

test('queues that are only looked up need no permission to create; a key of KMS needs its own', () => {
  const { producer } = iamPolicies(
    configOf({
      broker_transport_options: {
        create_queues: false,
        'sqs-creation-attributes': { KmsMasterKeyId: 'alias/mine' },
      },
    }),
  )
  expect(producer.Statement[0]?.Action).toEqual(['sqs:GetQueueUrl'])
  expect(producer.Statement.at(-1)).toMatchObject({
    Action: ['kms:GenerateDataKey', 'kms:Decrypt'],
    Resource: ['arn:aws:kms:us-west-2:*:alias/mine'],
  })
})

function configOf(settings: Partial<ConfigOptions> = {}): Config {
  return new Config({ queues: ['export'], dotenv: false, environment: {}, ...settings })
}
