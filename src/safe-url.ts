/**
 * The url with its password (and any secret in its query) as `***`: fit for logs and errors. So is what PostgreSQL's own
 * tools take in its place, `host=db password=…`. It takes a whole url as it was given: cut into parts, a password with
 * unusual characters could no longer be distinguished.
 */
export function safeUrl(url: string): string {
  return withoutQuerySecrets(withoutLogin(url)).replace(
    /((?:^|\s)(?:ssl)?password\s*=\s*)(?:'(?:\\.|[^'\\])*'?|\S*)/gi,
    `$1${MASK}`,
  )
}

const MASK = '***'

/** The user is shown where it is plain; all between it and the last @ is the password, even with a `/` or `?` in it. */
function withoutLogin(url: string): string {
  const start = url.indexOf('://')
  if (start < 0) return lacksScheme(url) ? `${MASK}${url.slice(url.lastIndexOf('@'))}` : url
  const scheme = url.slice(0, start + 3)
  const rest = url.slice(start + 3)
  const end = rest.lastIndexOf('@')
  return end < 0
    ? scheme + withoutHalfLogin(rest)
    : `${scheme}${safeLogin(scheme, rest.slice(0, end))}@${rest.slice(end + 1)}`
}

/** `user:password@host`, of which the `amqp://` was forgotten. */
export function lacksScheme(text: string): boolean {
  const colon = text.indexOf(':')
  const isLogin = colon >= 0 && colon <= LONGEST_USER && text.lastIndexOf('@') > colon
  return isLogin && /^(?:\/\/)?[\w.%+-]*$/.test(text.slice(0, colon)) && !/\s/.test(text)
}

const LONGEST_USER = 64

function safeLogin(scheme: string, login: string): string {
  const colon = login.indexOf(':')
  const user = colon < 0 ? login : login.slice(0, colon)
  if (!PLAIN_USER.test(user)) return MASK
  // Of Redis, what stands alone before the @ is often meant as the password.
  if (colon < 0) return /^redis/i.test(scheme) ? MASK : user
  return `${user}:${MASK}`
}

const PLAIN_USER = /^[\w.%+-]{0,64}$/

/** Without an @ it is host and port; what else follows a colon may be a password that was cut off. */
function withoutHalfLogin(rest: string): string {
  const colon = rest.indexOf(':')
  return colon < 0 || HOST.test(rest) ? rest : `${rest.slice(0, colon)}:${MASK}`
}

const HOST = /^(?:\[[^\]]*\]|[^:/?#\s]*)(?::\d{0,5})?(?:[/?#\s;,)"']|$)/

const QUERY_SECRET = /^(?:password|secret|token|sslpassword|api_key)$/i

/** A value ends with the query: in a password, as people write it, there may be anything but an &. */
function withoutQuerySecrets(url: string): string {
  return url
    .split(/(?=[?&])/)
    .map((part) => {
      const equals = part.indexOf('=')
      const isSecret = equals > 0 && QUERY_SECRET.test(part.slice(1, equals))
      return isSecret && /^[?&]/.test(part) ? part.slice(0, equals + 1) + MASK : part
    })
    .join('')
}

/**
 * The urls of a list with `;` between them. A `;` in a password belongs to it: taken apart there, its halves would be
 * shown as hosts and users.
 */
export function separateUrls(list: string): readonly string[] {
  const urls: string[] = []
  let half = ''
  for (const part of list.split(NEXT_URL)) {
    const url = half === '' ? part : `${half};${part}`
    half = isHalf(url) ? url : ''
    if (half === '') urls.push(url.trim())
  }
  return half === '' ? urls : [...urls, half.trim()]
}

/** Only what is surely another url: any other scheme may be a part of a password. */
const NEXT_URL =
  /;(?=\s*(?:(?:pyamqp|amqps?|librabbitmq|sqs|memory|rediss?):\/\/|(?:pyamqp|amqps?|librabbitmq|sqs|memory)?\s*(?:;|$)))/i

function isHalf(url: string): boolean {
  const rest = url.slice(url.indexOf('://') + 3)
  return url.includes('://') && !rest.includes('@') && !HOST.test(rest)
}
