import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openBroker } from '../src/brokers/open-broker.ts'
import { loggedError } from '../src/config/logging/logged-error.ts'
import { maskText } from '../src/config/masking.ts'
import { connectionOptions } from '../src/database/connection-options.ts'
import { redisAddress } from '../src/results/redis/redis-url.ts'
import { safeUrl, separateUrls } from '../src/safe-url.ts'
import { makeConfig } from './config/make-config.ts'

/** What breaks urls apart, between runs of letters that must never be seen. */
const SEPARATORS = [
  ';',
  '/',
  '?',
  '#',
  '@',
  ':',
  '=',
  '&',
  ' ',
  '%',
  '://',
  '\n',
  ',',
  "'",
  '"',
  '\\',
  '[',
]

const secret = fc
  .array(fc.constantFrom(...SEPARATORS), { minLength: 1, maxLength: 4 })
  .map(
    (separators) =>
      separators.map((separator, at) => `${WORDS[at]}${separator}`).join('') + WORDS[4],
  )
const WORDS = ['qzxwv', 'jkqxz', 'vwqjx', 'zzqkj', 'xjvwq']

const scheme = fc.constantFrom(
  'amqp',
  'amqps',
  'redis',
  'rediss',
  'postgresql',
  'db+postgresql',
  'sqs',
  'odd',
)
const user = fc.constantFrom('u', 'me', '', 'a%20b')
const place = fc.constantFrom('host', 'host:5672/v', 'host/v?x=1', '', 'h;amqp://other@h2/v')

/** Each way a person may see a url again. */
function outputs(url: string): string[] {
  const seen = [
    safeUrl(url),
    maskText(url),
    maskText(`cannot reach ${url} now`),
    ...separateUrls(url).map(safeUrl),
  ]
  const attempts: (() => unknown)[] = [
    () => connectionOptions(url),
    () => redisAddress(url),
    () => openBroker({ url }).safeUrl,
    () => makeConfig({ broker_url: url }).brokerUrls.map((one) => openBroker({ url: one }).safeUrl),
    () => String(makeConfig({ broker_url: url, result_backend: url })),
  ]
  for (const attempt of attempts) {
    try {
      const shown = attempt()
      if (typeof shown === 'string') seen.push(shown)
      if (Array.isArray(shown)) seen.push(...shown.map(String))
    } catch (error) {
      seen.push(
        error instanceof Error ? error.message : String(error),
        JSON.stringify(loggedError(error)),
      )
    }
  }
  return seen
}

test('no four characters of a password are seen, whatever it holds', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(scheme, user, secret, place, (...[kind, name, password, where]) => {
      const url = `${kind}://${name}:${password}@${where}`
      for (const shown of outputs(url)) {
        for (const word of WORDS)
          expect(shown.includes(word), `${url} is shown as ${shown}`).toBe(false)
      }
    }),
    { numRuns: 200 },
  )
})

test.each([
  ['redis://SECRET/A=@host', 'redis://***@host'],
  ['amqp://u:pa;ss@host', 'amqp://u:***@host'],
  ['amqp://u:pa;ss', 'amqp://u:***'],
  ['amqp://localhost:5672/v', 'amqp://localhost:5672/v'],
])('%s is shown as %s', (url, shown) => {
  expect(safeUrl(url)).toBe(shown)
})

test('urls are separated where another begins, and not inside of a password', () => {
  expect(separateUrls('amqp://a:1@h; amqp://b:2@h')).toEqual(['amqp://a:1@h', 'amqp://b:2@h'])
  expect(separateUrls('amqp://a:x;amqp://y@h')).toEqual(['amqp://a:x;amqp://y@h'])
  expect(separateUrls('amqp://h:5672/v;amqp://h2')).toEqual(['amqp://h:5672/v', 'amqp://h2'])
})
