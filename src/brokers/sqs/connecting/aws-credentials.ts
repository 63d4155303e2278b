import type { SQS } from '@aws-sdk/client-sqs'
import type { PredefinedQueue } from '../settings/predefined-queues.ts'
import type { AssumedRole, SqsSettings } from '../settings/sqs-options.ts'
import { loadSts } from './driver.ts'
import { isAmazon, type SqsUrl } from './sqs-url.ts'

interface CredentialSources {
  readonly region: string
  readonly settings: SqsSettings
  readonly url: SqsUrl
  readonly queue: PredefinedQueue | undefined
  /** Where calls go. */
  readonly host: () => Promise<string>
}

interface Identity {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  readonly expiration?: Date
}

/** Asked for again so long before they end. */
const RENEWED_BEFORE_MS = 60_000
/** Servers of one's own look at no credentials, yet the SDK signs every call. */
const NONE: Identity = { accessKeyId: 'none', secretAccessKey: 'none' }

/** Whose they are: those of the role, of the queue, of the url, else what the SDK finds by itself. */
export function awsCredentials(client: SQS, sources: CredentialSources): () => Promise<Identity> {
  const { queue, url, settings } = sources
  const found = client.config.credentials as () => Promise<Identity>
  const given = queue?.credentials ?? url.credentials
  const base = given === undefined ? () => orNone(found, sources.host) : async () => given
  if (settings.role === undefined) return renewed(base)
  const { role } = settings
  return renewed(() => assumed(role, given, sources.region))
}

async function orNone(
  found: () => Promise<Identity>,
  host: () => Promise<string>,
): Promise<Identity> {
  try {
    return await found()
  } catch (error) {
    const hostname = await host()
    if (hostname === '' || isAmazon(hostname)) throw error
    return NONE
  }
}

async function assumed(
  { arn, seconds, bufferSeconds }: AssumedRole,
  given: Identity | undefined,
  region: string,
): Promise<Identity> {
  const { STS } = await loadSts()
  const sts = new STS({ region, ...(given !== undefined && { credentials: given }) })
  try {
    const { Credentials } = await sts.assumeRole({
      RoleArn: arn,
      RoleSessionName: 'Celery',
      DurationSeconds: seconds,
    })
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken, Expiration } = Credentials ?? {}
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      ...(SessionToken !== undefined && { sessionToken: SessionToken }),
      ...(Expiration !== undefined && {
        expiration: new Date(Expiration.getTime() - bufferSeconds * 1_000),
      }),
    }
  } finally {
    sts.destroy()
  }
}

/** The same until shortly before they end, asked for once however many calls wait for them. */
function renewed(ask: () => Promise<Identity>): () => Promise<Identity> {
  let known: Identity | undefined
  let asking: Promise<Identity> | undefined
  return async () => {
    const isFresh =
      known !== undefined &&
      (known.expiration === undefined ||
        known.expiration.getTime() - RENEWED_BEFORE_MS > Date.now())
    if (known !== undefined && isFresh) return known
    asking ??= ask().finally(() => {
      asking = undefined
    })
    known = await asking
    return known
  }
}
