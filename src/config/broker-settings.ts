import { separateUrls } from '../safe-url.ts'
import { maskText } from './masking.ts'

/** Celery's names of transports, and the scheme that ours have in a url. */
const SCHEMES: ReadonlyMap<string, string> = new Map([
  ['amqp', 'amqp'],
  ['pyamqp', 'amqp'],
  ['librabbitmq', 'amqp'],
  ['amqps', 'amqps'],
  ['sqs', 'sqs'],
  ['memory', 'memory'],
])
const EXPECTED = 'amqp, amqps, sqs or memory'

interface BrokerAddress {
  readonly broker_url: string | null
  readonly broker_transport: string | null
  readonly broker_host: string | null
  readonly broker_port: number | null
  readonly broker_user: string | null
  readonly broker_password: string | null
  readonly broker_vhost: string | null
}

export function brokerAddressOf(address: BrokerAddress): BrokerAddress {
  return {
    broker_url: address.broker_url,
    broker_transport: address.broker_transport,
    broker_host: address.broker_host,
    broker_port: address.broker_port,
    broker_user: address.broker_user,
    broker_password: address.broker_password,
    broker_vhost: address.broker_vhost,
  }
}

/** The urls of the broker, the first one first: `broker_url`, else built from the other broker settings. */
export function brokerUrlsOf(address: BrokerAddress): readonly string[] {
  const url = address.broker_url
  if (url === null || url.trim() === '') return [builtUrl(address)]
  return separateUrls(url).map((one) => normalUrl(one, address))
}

export function brokerProblems(address: BrokerAddress): string[] {
  const { broker_url: url, broker_transport: transport } = address
  if (url !== null && url.trim() !== '') return urlProblems('broker_url', url)
  if (transport === null || SCHEMES.has(transport.toLowerCase())) return []
  return [`broker_transport: '${maskText(transport)}' is unknown, expected ${EXPECTED}`]
}

/** Also of the urls for reading and writing alone. */
export function urlProblems(name: string, url: string | null): string[] {
  if (url === null || url.trim() === '') return []
  return separateUrls(url)
    .filter((one) => schemeOf(one) === undefined)
    .map((one) => `${name}: '${maskText(one)}' has an unknown transport, expected ${EXPECTED}`)
}

function normalUrl(url: string, address: BrokerAddress): string {
  // A url may be a bare transport's name, as in Celery.
  if (!url.includes('://')) return builtUrl({ ...address, broker_transport: url })
  return url.replace(/^[^:]+/, (scheme) => SCHEMES.get(scheme.toLowerCase()) ?? scheme)
}

function schemeOf(url: string): string | undefined {
  return SCHEMES.get(url.replace(/:\/\/.*$/s, '').toLowerCase())
}

function builtUrl(address: BrokerAddress): string {
  const scheme = SCHEMES.get((address.broker_transport ?? 'amqp').toLowerCase()) ?? 'amqp'
  const { broker_user: user, broker_password: password, broker_host: host } = address
  const secret = password === null ? '' : `:${encodeURIComponent(password)}`
  const login =
    user === null && password === null ? '' : `${encodeURIComponent(user ?? '')}${secret}@`
  const port = address.broker_port === null ? '' : `:${address.broker_port}`
  const needsHost = scheme.startsWith('amqp')
  return `${scheme}://${login}${host ?? (needsHost ? 'localhost' : '')}${port}${pathOf(address.broker_vhost)}`
}

function pathOf(vhost: string | null): string {
  return vhost === null || vhost === '/' ? '' : `/${encodeURIComponent(vhost)}`
}
