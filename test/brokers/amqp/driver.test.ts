import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { loadDriver } from '../../../src/brokers/amqp/connecting/driver.ts'

const require = createRequire(import.meta.url)

test('the driver is a copy of our own: an application that uses amqplib keeps the one it has', () => {
  const theirs = require('amqplib')
  const ours = loadDriver()
  expect(ours).not.toBe(theirs)
  expect(require('amqplib')).toBe(theirs)
  expect(loadDriver()).toBe(ours)
  const tables = require(join(dirname(require.resolve('amqplib')), 'lib/codec.js'))
  expect(() => tables.decodeFields(Buffer.from('\x01kL\0\0\0\0\0\0\0\x01', 'latin1'))).toThrow(
    '"L"',
  )
})
