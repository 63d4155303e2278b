import { textOfError } from '../../text-of-error.ts'
/** Each check waits so long for an answer, and no longer. */
export const ANSWER_WITHIN_MS = 5_000

/** What to do where a broker, a database or a result backend does not let us in; words to paste where there are some. */
export function brokerAdvice(error: unknown, url: string | undefined): string {
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
  if (/WRONGPASS|NOAUTH/.test(text)) return 'the password of Redis is wrong: correct result_backend'
  return (
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
