import { deadLetterQueue } from '../../brokers/dead-letters/dead-letter-queue.ts'
import { sqsQueueName } from '../../brokers/sqs/queues/queue-name.ts'
import { readSqsOptions, type SqsSettings } from '../../brokers/sqs/settings/sqs-options.ts'
import type { Config } from '../../config/config.ts'
import { silentLogger } from '../../logger.ts'
import { brokerOptions } from '../../tasks/app/broker-options.ts'

interface IamStatement {
  readonly Sid: string
  readonly Effect: 'Allow'
  readonly Action: readonly string[]
  readonly Resource: readonly string[]
}

interface IamPolicy {
  readonly Version: '2012-10-17'
  readonly Statement: readonly IamStatement[]
}

interface IamPolicies {
  readonly producer: IamPolicy
  readonly worker: IamPolicy
  readonly monitor: IamPolicy
}

const TAKE = [
  'sqs:ReceiveMessage',
  'sqs:DeleteMessage',
  'sqs:ChangeMessageVisibility',
  'sqs:GetQueueAttributes',
]
/** The account is not known here; Amazon takes a name of a queue in this one. */
const ANY_ACCOUNT = '*'

/** The least that producer, worker and monitor of this config must be allowed on Amazon SQS. */
export function iamPolicies(config: Config): IamPolicies {
  const settings = readSqsOptions(brokerOptions(config, silentLogger).transportOptions)
  const platform = config.platformQueue
  const all = config.topology().queues.map(({ name }) => name)
  const work = all.filter((queue) => queue !== platform)
  const arns = (queues: readonly string[]): string[] =>
    queues.map((queue) => arnOf(queue, settings))
  const dead = (queues: readonly string[]): string[] => queues.map(deadLetterQueue)
  return {
    producer: policy(settings, [
      ['Find', find(settings), arns(all)],
      ['Send', ['sqs:SendMessage'], arns(all)],
    ]),
    worker: policy(settings, [
      ['Find', find(settings), arns([...all, ...dead(work)])],
      ['Send', ['sqs:SendMessage'], arns([...all, ...dead(work)])],
      ['Take', TAKE, arns(work)],
    ]),
    monitor: policy(settings, [
      ['Find', find(settings), arns([...all, ...dead([platform])])],
      // What waited in the scheduled-message store, and what is replayed, goes to the work queues.
      ['Send', ['sqs:SendMessage'], arns([...all, ...dead([platform])])],
      ['Take', TAKE, arns([platform])],
      ['Look', ['sqs:GetQueueAttributes'], arns(work)],
    ]),
  }
}

function find({ createsQueues, predefined, tags }: SqsSettings): string[] {
  const mayCreate = createsQueues && predefined.size === 0
  if (!mayCreate) return ['sqs:GetQueueUrl']
  const tagging = Object.keys(tags).length > 0 ? ['sqs:TagQueue'] : []
  return ['sqs:GetQueueUrl', 'sqs:CreateQueue', ...tagging]
}

function policy(
  settings: SqsSettings,
  parts: readonly (readonly [string, readonly string[], readonly string[]])[],
): IamPolicy {
  const statements = parts.map(
    ([Sid, Action, Resource]): IamStatement => ({ Sid, Effect: 'Allow', Action, Resource }),
  )
  return { Version: '2012-10-17', Statement: [...statements, ...encryption(settings)] }
}

/** Queues that are encrypted with a key of one's own: senders and receivers need the key, too. */
function encryption({ creationAttributes, region }: SqsSettings): IamStatement[] {
  const key = creationAttributes.KmsMasterKeyId
  if (key === undefined) return []
  const kind = key.startsWith('alias/') ? key : `key/${key}`
  const arn = key.startsWith('arn:') ? key : `arn:aws:kms:${region ?? '*'}:${ANY_ACCOUNT}:${kind}`
  return [
    {
      Sid: 'Key',
      Effect: 'Allow',
      Action: ['kms:GenerateDataKey', 'kms:Decrypt'],
      Resource: [arn],
    },
  ]
}

function arnOf(queue: string, { prefix, region, predefined }: SqsSettings): string {
  const name = sqsQueueName(queue, prefix)
  const url = (predefined.get(name) ?? predefined.get(queue))?.url
  const [account, given] = url === undefined ? [] : new URL(url).pathname.split('/').slice(1)
  return `arn:aws:sqs:${region ?? '*'}:${account ?? ANY_ACCOUNT}:${given ?? name}`
}
