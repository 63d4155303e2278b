import { InvalidArgumentError } from 'commander'

/** Where health and metrics are served. */
export interface HealthAddress {
  readonly port: number
  readonly host?: string
}

export const HEALTH_HELP = 'serve /livez, /readyz and /metrics: 9100, or 0.0.0.0:9100'

/** A port on this machine alone, or an address with a port. */
export function healthAddress(text: string): HealthAddress {
  const at = text.lastIndexOf(':')
  const port = text.slice(at + 1)
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new InvalidArgumentError('Expected a port, such as 9100, or 0.0.0.0:9100.')
  }
  // An IPv6 address stands in brackets.
  const host = text.slice(0, Math.max(at, 0)).replace(/^\[(.*)\]$/, '$1')
  return { port: Number(port), ...(host !== '' && { host }) }
}
