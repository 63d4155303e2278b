import { expect, test, vi } from 'vitest'
import { Float } from '../../src/codecs/values.ts'
import { signatureDict } from '../../src/protocol/signatures.ts'
import { decodeTask } from '../../src/protocol/tasks/decode-task.ts'

const step = (args: string) =>
  JSON.stringify(
    signatureDict({ task: 'export.next', options: { task_id: '1e5f8e12-77e0' } }),
  ).replace('"args":[]', `"args":[${args}]`)

function decoded(args: string) {
  const body = Buffer.from(`[[],{},{"chain":[${step(args)}]}]`)
  const headers = { id: '1', task: 'export.first', lang: 'js' }
  const properties = { contentType: 'application/json', contentEncoding: 'utf-8' }
  return decodeTask({ headers, body, properties }, ['json'])
}

test('a message with steps behind it is parsed once, though its ids look like floats', () => {
  const parse = vi.spyOn(JSON, 'parse')
  expect(decoded('1').chain).toMatchObject([{ args: [1] }])
  expect(parse).toHaveBeenCalledOnce()
})

test('the whole floats of the steps behind stay floats', () => {
  expect(decoded('1.0').chain).toEqual([expect.objectContaining({ args: [new Float(1)] })])
})
