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
  readonly Condition?: Readonly<Record<string, unknown>>
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
  const makesRedrives = mayCreate(settings) && settings.maxReceives !== undefined
  // The policy of a queue that is created names its queue of dead letters, which is asked for its ARN.
  const redriven = makesRedrives ? dead(all) : []
  const look: Part[] = makesRedrives
    ? [['Redrive', ['sqs:GetQueueAttributes'], arns(redriven)]]
    : []
  return {
    producer: policy(settings, [
      ['Find', find(settings), arns([...all, ...redriven])],
      ['Send', ['sqs:SendMessage'], arns(all)],
      ...look,
    ]),
    worker: policy(settings, [
      ['Find', find(settings), arns(unique([...all, ...dead(work), ...redriven]))],
      ['Send', ['sqs:SendMessage'], arns([...all, ...dead(work)])],
      ['Take', TAKE, arns(work)],
      ...look,
    ]),
    monitor: policy(settings, [
      ['Find', find(settings), arns(unique([...all, ...dead([platform]), ...redriven]))],
      // What waited in the scheduled-message store, and what is replayed, goes to the work queues.
      ['Send', ['sqs:SendMessage'], arns([...all, ...dead([platform])])],
      ['Take', TAKE, arns([platform])],
      ['Look', ['sqs:GetQueueAttributes'], arns(work)],
      ...look,
    ]),
  }
}

type Part = readonly [sid: string, actions: readonly string[], resources: readonly string[]]

function unique(names: readonly string[]): string[] {
  return [...new Set(names)]
}

function find(settings: SqsSettings): string[] {
  if (!mayCreate(settings)) return ['sqs:GetQueueUrl']
  const tagging = Object.keys(settings.tags).length > 0 ? ['sqs:TagQueue'] : []
  return ['sqs:GetQueueUrl', 'sqs:CreateQueue', ...tagging]
}

function mayCreate({ createsQueues, predefined }: SqsSettings): boolean {
  return createsQueues && predefined.size === 0
}

function policy(settings: SqsSettings, parts: readonly Part[]): IamPolicy {
  const statements = parts.map(
    ([Sid, Action, Resource]): IamStatement => ({ Sid, Effect: 'Allow', Action, Resource }),
  )
  return { Version: '2012-10-17', Statement: [...statements, ...encryption(settings)] }
}

/** Queues that are encrypted with a key of one's own: senders and receivers need the key, too. */
function encryption({ creationAttributes, region }: SqsSettings): IamStatement[] {
  const key = creationAttributes.KmsMasterKeyId
  if (key === undefined) return []
  const keys = `arn:${partitionOf(region)}:kms:${region ?? '*'}:${ANY_ACCOUNT}:key/`
  const may = {
    Sid: 'Key',
    Effect: 'Allow',
    Action: ['kms:GenerateDataKey', 'kms:Decrypt'],
  } as const
  const alias = /(?:^|:)(alias\/.+)$/.exec(key)?.[1]
  if (alias === undefined)
    return [{ ...may, Resource: [key.startsWith('arn:') ? key : keys + key] }]
  // IAM knows no alias as a resource of these actions: it is a condition on all keys.
  const isAlias = { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': [alias] } }
  return [{ ...may, Resource: [`${keys}*`], Condition: isAlias }]
}

function arnOf(queue: string, { prefix, region: ofAll, predefined }: SqsSettings): string {
  const name = sqsQueueName(queue, prefix)
  const { url, region = ofAll } = predefined.get(name) ?? predefined.get(queue) ?? {}
  const [account = ANY_ACCOUNT, given = name] = url?.split('/').slice(3) ?? []
  return `arn:${partitionOf(region)}:sqs:${region ?? '*'}:${account}:${given}`
}

function partitionOf(region: string = ''): string {
  if (region.startsWith('cn-')) return 'aws-cn'
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
}
