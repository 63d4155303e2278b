import { expect, test } from 'vitest'
import { connectionOptions, plainUrl } from '../../src/database/connection-options.ts'

const UTC = { options: '-c jit=off -c TimeZone=UTC' }
const PLACE = { host: 'db.example', port: 5433, user: 'worker', password: 'pw', database: 'shop' }

test.each([
  'postgres',
  'postgresql',
  'postgresql+psycopg2',
  'db+postgresql',
  'db+postgresql+psycopg2',
  'db+postgres',
])('%s:// names a PostgreSQL', (scheme) => {
  const url = `${scheme}://worker:pw@db.example:5433/shop`
  expect(connectionOptions(url)).toEqual({ ...PLACE, ...UTC })
  expect(plainUrl(url)).toBe('postgresql://worker:pw@db.example:5433/shop')
})

test('what the url leaves out is left to the driver', () => {
  expect(connectionOptions('postgresql://')).toEqual(UTC)
  expect(connectionOptions('postgresql://db.example')).toEqual({ host: 'db.example', ...UTC })
  expect(connectionOptions('postgresql:///shop')).toEqual({ database: 'shop', ...UTC })
})

test('a unix socket is named by ?host=', () => {
  const url = 'db+postgresql:///shop?host=/var/run/postgresql&port=5433'
  expect(connectionOptions(url)).toEqual({
    host: '/var/run/postgresql',
    port: 5433,
    database: 'shop',
    ...UTC,
  })
})

test('of several hosts the first is taken, with its own port', () => {
  const { host, port } = connectionOptions('postgresql://u@/shop?host=one:5433&host=two:5434')
  expect({ host, port }).toEqual({ host: 'one', port: 5433 })
})

test('an IPv6 address stands in brackets', () => {
  const { host, port } = connectionOptions('postgresql://u@[::1]:5433/shop')
  expect({ host, port }).toEqual({ host: '::1', port: 5433 })
})

test.each([
  ['p%40ss%2Fw%3A', 'p@ss/w:'],
  ['p@ss/w:rd', 'p@ss/w:rd'],
  ['100%', '100%'],
])('the password %s is read as %s', (written, meant) => {
  const options = connectionOptions(`postgresql://u:${written}@h:1/d`)
  expect(options).toMatchObject({ user: 'u', password: meant, host: 'h', port: 1, database: 'd' })
})

test.each([
  ['disable', false],
  ['allow', false],
  ['prefer', false],
  ['require', { rejectUnauthorized: false }],
  ['verify-full', { rejectUnauthorized: true }],
])('sslmode=%s means %o', (mode, ssl) => {
  expect(connectionOptions(`postgresql://h/d?sslmode=${mode}`).ssl).toEqual(ssl)
})

test('sslmode=verify-ca checks the certificate, not the name', () => {
  const { ssl } = connectionOptions('postgresql://h/d?sslmode=verify-ca')
  expect(ssl).toEqual({ rejectUnauthorized: true, checkServerIdentity: expect.any(Function) })
})

test('an sslmode that does not exist is refused with those that do', () => {
  expect(() => connectionOptions('postgresql://u:hush@h/d?sslmode=on')).toThrow(
    'postgresql://u:***@h/d?sslmode=on has sslmode "on"; expected disable, allow, prefer, require',
  )
})

test('server options of the url are kept, and the session is on UTC all the same', () => {
  const url = 'postgresql://h/d?options=-c%20statement_timeout%3D5s&application_name=shop&foo=1'
  expect(connectionOptions(url)).toEqual({
    host: 'h',
    database: 'd',
    application_name: 'shop',
    options: '-c jit=off -c statement_timeout=5s -c TimeZone=UTC',
  })
})

test.each(['mysql://u:hush@h/d', 'db+sqlite:///x', 'nonsense', 'postgresql://h:port/d'])(
  '%s is refused as no PostgreSQL url, without its password',
  (url) => {
    expect(() => connectionOptions(url)).toThrow(/is not a PostgreSQL url; expected postgresql:/)
    expect(() => connectionOptions(url)).not.toThrow(/hush/)
  },
)

test('a port beyond 65535 is refused', () => {
  expect(() => connectionOptions('postgresql://h:70000/d')).toThrow('has the port "70000"')
})
