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
    // IAM takes no alias as a resource of these actions.
    Resource: ['arn:aws:kms:us-west-2:*:key/*'],
    Condition: { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': ['alias/mine'] } },
  })
})

test.each([
  ['1234-5678', 'arn:aws:kms:us-west-2:*:key/1234-5678'],
  ['arn:aws:kms:us-west-2:1:key/1234', 'arn:aws:kms:us-west-2:1:key/1234'],
])('a key of KMS that is %s is the resource itself', (KmsMasterKeyId, arn) => {
  const options = { 'sqs-creation-attributes': { KmsMasterKeyId } }
  const { worker } = iamPolicies(configOf({ broker_transport_options: options }))
  expect(worker.Statement.at(-1)).toMatchObject({ Sid: 'Key', Resource: [arn] })
  expect(worker.Statement.at(-1)?.Condition).toBeUndefined()
})

test('with max_receives each role may create the queues of dead letters, and ask for their ARN', () => {
  const config = configOf({ broker_transport_options: { max_receives: 3 } })
  const { producer, worker, monitor } = iamPolicies(config)
  const dead = 'arn:aws:sqs:us-west-2:*:dev-dlq-export'
  for (const { Statement } of [producer, worker, monitor]) {
    const allowing = (action: string) =>
      Statement.filter(({ Action }) => Action.includes(action)).flatMap(({ Resource }) => Resource)
    expect(allowing('sqs:CreateQueue')).toContain(dead)
    expect(allowing('sqs:GetQueueAttributes')).toContain(dead)
  }
})

test('a predefined queue has the account, the name and the region of its own; China has its own partition', () => {
  const url = 'https://sqs.cn-north-1.amazonaws.com.cn/123456789012/theirs'
  const options = { predefined_queues: { 'dev-export': { url, region: 'cn-north-1' } } }
  const { worker } = iamPolicies(configOf({ broker_transport_options: options }))
  expect(worker.Statement.find(({ Sid }) => Sid === 'Take')?.Resource).toContain(
    'arn:aws-cn:sqs:cn-north-1:123456789012:theirs',
  )
})

function configOf(settings: Partial<ConfigOptions> = {}): Config {
  return new Config({ queues: ['export'], dotenv: false, environment: {}, ...settings })
}
