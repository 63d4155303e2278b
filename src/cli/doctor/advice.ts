import { textOfError } from '../../text-of-error.ts'
/** Each check waits so long for an answer: with the start of the process, five seconds at most. */
export const ANSWER_WITHIN_MS = 4_000

/** What to do where a broker, a database or a result backend does not let us in; words to paste where there are some. */
export function brokerAdvice(error: unknown, url: string | undefined): string {
  if (url?.startsWith('sqs:')) return sqsAdvice(textOfError(error))
  const { user, path } = partsOf(url)
  const vhost = path === '' ? '/' : path
  const text = textOfError(error)
  if (/ACCESS[_-]REFUSED|login was refused|handshake terminated/i.test(text)) {
    return `the user or the password is wrong: correct the url, or rabbitmqctl change_password ${user} PASSWORD`
  }
  if (/virtual host/i.test(text)) {
    return `rabbitmqctl add_vhost ${vhost} && rabbitmqctl set_permissions -p ${vhost} ${user} ".*" ".*" ".*"`
  }
  return (
    network(text) ??
    'start the broker, or set broker_url (CELERY_BROKER_URL, -b) to where it is: amqp://user:password@host:5672/vhost'
  )
}

function sqsAdvice(text: string): string {
  if (/Credentials|NoCredential/.test(text)) {
    return 'export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…, or give the process a role, or name a profile: export AWS_PROFILE=…'
  }
  if (/InvalidClientToken|UnrecognizedClient|SignatureDoesNotMatch|ExpiredToken/.test(text)) {
    return 'AWS does not know these credentials, or no longer: aws sts get-caller-identity says whose they are'
  }
  if (/AccessDenied|not authorized/i.test(text)) {
    return 'celery-toolbox doctor --iam prints the policy that this user or role needs'
  }
  return (
    network(text) ??
    'start the server of the url, or set broker_url (CELERY_BROKER_URL, -b): sqs:// for AWS itself, sqs://user:password@host:port for another'
  )
}

export function databaseAdvice(error: unknown, url: string | undefined): string {
  const { user, path } = partsOf(url)
  const text = textOfError(error)
  if (/password authentication failed|no password/i.test(text)) {
    return `the password is wrong, or there is no such role: correct the url, or psql -c "ALTER ROLE ${user} PASSWORD '…'"`
  }
  if (/database ".*" does not exist/i.test(text)) return `createdb -O ${user} ${path}`
  return network(text) ?? 'start PostgreSQL, or name another with --database postgresql://…'
}

export function resultsAdvice(error: unknown, url: string | undefined): string {
  const isDatabase = /^(?:db\+)?postgres/.test(url ?? '')
  const text = textOfError(error)
  if (isDatabase && /password|does not exist/i.test(text) && !/relation/i.test(text)) {
    return databaseAdvice(error, url)
  }
  if (/WRONGPASS|NOAUTH/.test(text)) {
    return 'the password of Redis is wrong, or lacking: correct result_backend (CELERY_RESULT_BACKEND): redis://:password@host:6379/0'
  }
  if (/^rediss?:/.test(url ?? '')) {
    return (
      network(text) ??
      'start Redis (redis-server), or set result_backend (CELERY_RESULT_BACKEND) to where it is: redis://:password@host:6379/0'
    )
  }
  if (
    isDatabase &&
    /ECONNREFUSED|ENETUNREACH|ETIMEDOUT|timeout expired|did not answer/.test(text)
  ) {
    return 'start PostgreSQL, or set result_backend (CELERY_RESULT_BACKEND) to where it is: db+postgresql://user:password@host:5432/name'
  }
  return (
    network(text) ??
    'set result_backend (CELERY_RESULT_BACKEND, or RESULT_DB_*) to a database that answers and has the tables; ' +
      'celery-toolbox migrate up makes them'
  )
}

/** Undefined where the network is not what is wrong, or nothing more than the error says is known. */
function network(text: string): string | undefined {
  return /ENOTFOUND|EAI_AGAIN/.test(text)
    ? 'the name of the host is unknown here: correct the url, or /etc/hosts'
    : undefined
}

/** The user and the path of a url; never its password. */
function partsOf(url: string | undefined): { readonly user: string; readonly path: string } {
  try {
    const { username, pathname } = new URL((url ?? '').replace(/^db\+/, ''))
    return { user: username || 'USER', path: decodeURIComponent(pathname.slice(1)) }
  } catch {
    return { user: 'USER', path: 'NAME' }
  }
}
