import { join } from 'node:path'
import { expect, test } from 'vitest'
import { JSONLines } from '../../src/services/json-lines.ts'
import { findService } from '../../src/services/service-registry.ts'

const NONE = { services: {}, wrappers: {}, filters: {}, readyForProcessing: {}, plugins: {} }
const FILE = join(import.meta.dirname, '../../src/services/json-lines.ts')

test('a service is found by its name in any case, or by an unambiguous beginning', () => {
  expect(findService('jsonlines', NONE).name).toBe('JSONLines')
  expect(findService('Disp', NONE).name).toBe('Dispatcher')
  expect(findService('Sample', NONE)).toMatchObject({ name: null })
})

test('a service is found by the path of its file and the name of its export', async () => {
  const found = findService(`${FILE}#JSONLines`, NONE)
  expect(found.name).toBe('JSONLines')
  expect(found.name !== null && (await found.load())).toBe(JSONLines)
})

test('what is no service is refused by its name', async () => {
  const own = { ...NONE, services: { Odd: async () => 5, Plain: async () => class {} } }
  for (const name of ['Odd', 'Plain']) {
    const found = findService(name, own)
    if (found.name === null) throw new Error('it is there')
    await expect(found.load()).rejects.toThrow(`"${name}" is not a service`)
  }
})
