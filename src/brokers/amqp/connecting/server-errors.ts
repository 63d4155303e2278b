import { BrokerError } from '../../../errors.ts'

/** How a server says no: an AMQP reply code and text, on a channel or on the connection. */

const INEQUIVALENT =
  /inequivalent arg '([^']+)' for .* in vhost '.*': received (.*) but current is (.*)$/
// The driver does not show what the server says here.
const VHOST_REFUSED = /Expected ConnectionOpenOk; got <ConnectionClose/
const MISSING_EXCHANGE = /no exchange '(.*)' in vhost '/

function replyCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'number' ? code : undefined
}

/** The server's own words, without what the driver puts around them. */
export function serverText(error: unknown): string {
  const message = error instanceof Error ? error.message || errorCode(error) : String(error)
  if (VHOST_REFUSED.test(message)) {
    return 'the virtual host does not exist, or the user may not use it'
  }
  return /with message "(.*)"$/s.exec(message)?.[1] ?? message
}

/** An error for several addresses at once (Node's AggregateError) has a code and no message. */
function errorCode(error: Error): string {
  return 'code' in error ? String(error.code) : error.name
}

export function isNotFound(error: unknown): boolean {
  return replyCode(error) === 404
}

/** No later try will do better: the login, the virtual host or an option is wrong. */
export function isHopeless(error: unknown): boolean {
  if (error instanceof BrokerError) return true
  const message = error instanceof Error ? error.message : ''
  return VHOST_REFUSED.test(message) || /ACCESS[_-]REFUSED|NOT[_-]ALLOWED|SASL/.test(message)
}

export function missingExchange(error: unknown): string | undefined {
  return MISSING_EXCHANGE.exec(serverText(error))?.[1]
}

/** Why a declaration was refused, in words of ours where the server's are known. */
export function declareRefusal(error: unknown): string {
  const text = serverText(error)
  const [, trait, wanted = '', found = ''] = INEQUIVALENT.exec(text) ?? []
  if (trait === undefined) return text
  return `it exists with ${trait} ${plain(found)} where ${plain(wanted)} was asked for`
}

function plain(value: string): string {
  return value.replace(/^the value /, '').replace(/ of type '.*'$/, '')
}
