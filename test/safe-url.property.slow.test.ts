import { inspect } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openBroker } from '../src/brokers/open-broker.ts'
import { brokerAdvice, databaseAdvice, resultsAdvice } from '../src/cli/doctor/advice.ts'
import { placeOf } from '../src/cli/flow/open-board.ts'
import { loggedError } from '../src/config/logging/logged-error.ts'
import { maskText } from '../src/config/masking.ts'
import { createApp } from '../src/create-app.ts'
import { connectionOptions } from '../src/database/connection-options.ts'
import { redisAddress } from '../src/results/redis/connecting/redis-url.ts'
import { safeUrl, separateUrls } from '../src/safe-url.ts'
import { checkKafka } from '../src/streams/links/kafka/options.ts'
import { checkRedis } from '../src/streams/links/redis/connection.ts'
import { zmqCodec } from '../src/streams/links/zmq/options.ts'
import { zmqListener } from '../src/streams/links/zmq/read.ts'
import { zmqPublisher } from '../src/streams/links/zmq/write.ts'
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
const FOURS = WORDS.flatMap((word) => [word.slice(0, 4), word.slice(1)])

const scheme = fc.constantFrom(
  'amqp',
  'amqps',
  'pyamqp',
  'redis',
  'rediss',
  'redis+socket',
  'sentinel',
  'postgres',
  'postgresql',
  'db+postgresql',
  'db+postgresql+psycopg2',
  'sqs',
  'stomp',
  'zookeeper',
  'kafka',
  'tcp',
  'zmq+tcp',
  'odd',
)
const user = fc.constantFrom('u', 'me', '', 'a%20b')
const place = fc.constantFrom(
  'host',
  'host:5672/v',
  'host/v?x=1',
  '',
  'h;amqp://other@h2/v',
  '/var/run/redis.sock?virtual_host=3',
  'host:2181,other:2181/board',
  '[::1]:5672/%2F',
)

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
    () => checkRedis('listen', url, ''),
    () => checkKafka('consume', url, 'topic'),
    () => checkKafka('consume', ['h:1', url], 'topic'),
    () => zmqCodec('SUB', url, {}),
    () => zmqListener('SUB', url, { curve: { publicKey: '', secretKey: '', serverKey: '' } }),
    () => zmqPublisher('PUB', url).name,
    () => placeOf(url),
    () => JSON.stringify(databaseAdvice(new Error(url), url)),
    () => JSON.stringify(brokerAdvice(new Error(url), url)),
    () => JSON.stringify(resultsAdvice(new Error(url), url)),
    () => openBroker({ url }).safeUrl,
    () => makeConfig({ broker_url: url }).brokerUrls.map((one) => openBroker({ url: one }).safeUrl),
    ...[
      { broker_url: url },
      { result_backend: url },
      { broker_url: url, result_backend: url },
    ].flatMap((settings) => shownByAnApp(settings)),
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

/** Every way to look at an app, at its config and at what it opens. */
function shownByAnApp(settings: Parameters<typeof makeConfig>[0]): (() => unknown)[] {
  const app = once(() => createApp(makeConfig(settings)))
  const seen: (() => unknown)[] = [
    () => makeConfig(settings),
    app,
    () => app().broker(),
    () => app().control,
    () => app().task('export.x', () => 1),
  ]
  return seen.flatMap((get) => {
    const got = once(get)
    return [
      () => inspect(got(), { depth: 8, showHidden: true, getters: true }),
      () => JSON.stringify(got()) ?? '',
      () => String(got()),
    ]
  })
}

function once<T>(get: () => T): () => T {
  let got: { readonly value: T } | undefined
  return () => {
    got ??= { value: get() }
    return got.value
  }
}

test('no four characters of a password are seen, whatever it holds', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(scheme, user, secret, place, (...[kind, name, password, where]) => {
      const url = `${kind}://${name}:${password}@${where}`
      const telling = outputs(url).filter((shown) => FOURS.some((four) => shown.includes(four)))
      expect(telling, url).toEqual([])
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

test.each([
  'me:qzxwv/vwqjx@host:5672/v',
  '//me:qzxwv;vwqjx@host',
  ':qzxwv@host',
  'me:qzxwv@vwqjx@host',
])('a url without its scheme (%s) shows no password, either', (url) => {
  // Among other words, nothing says that it is one.
  const shown = outputs(url).filter((text) => !text.startsWith('cannot reach'))
  for (const part of ['qzxwv', 'vwqjx']) expect(shown.join('\n')).not.toContain(part)
  expect(safeUrl(url)).toMatch(/^\*\*\*@host/)
})

test('what only looks like a login is shown', () => {
  for (const text of ['a: me@host', 'celery@host:1', 'redis: me:x@host is away', 'host:5672/v'])
    expect(maskText(text)).toBe(text)
})

test('urls are separated where another begins, and not inside of a password', () => {
  expect(separateUrls('amqp://a:1@h; amqp://b:2@h')).toEqual(['amqp://a:1@h', 'amqp://b:2@h'])
  expect(separateUrls('amqp://a:x;amqp://y@h')).toEqual(['amqp://a:x;amqp://y@h'])
  expect(separateUrls('amqp://h:5672/v;amqp://h2')).toEqual(['amqp://h:5672/v', 'amqp://h2'])
})
