import { describe, expect, test } from 'vitest'
import { serializerByContentType, serializerByName } from '../../src/codecs/serializers.ts'
import { recordedMessage } from './vectors.ts'

test.each([
  ['json', 'application/json', 'utf-8', 'task-delay-args'],
  ['yaml', 'application/x-yaml', 'utf-8', 'body-yaml'],
  ['msgpack', 'application/x-msgpack', 'binary', 'body-msgpack'],
  ['pickle', 'application/x-python-serialize', 'binary', 'body-pickle'],
])('%s is what Celery calls %s, %s', (name, contentType, contentEncoding, recorded) => {
  const { properties, body } = recordedMessage(recorded)
  expect(serializerByName(name)).toMatchObject({ name, contentType, contentEncoding })
  expect(properties).toMatchObject({ content_type: contentType, content_encoding: contentEncoding })
  expect(serializerByContentType(contentType)?.decode(body)).toHaveLength(3)
})

test.each([
  'application/json; charset=utf-8',
  'Application/JSON',
  'text/plain',
  '',
  'json',
  '__proto__',
])('the content type %j is nobody’s', (contentType) => {
  expect(serializerByContentType(contentType)).toBeUndefined()
})

test('an unknown name is refused, naming the known ones', () => {
  expect(() => serializerByName('xml')).toThrow(
    'unknown serializer "xml"; expected one of json, yaml, msgpack, pickle, raw',
  )
})

test('raw passes bytes through', () => {
  const raw = serializerByName('raw')
  expect(raw.encode('é')).toEqual(Buffer.from('é'))
  expect(raw.encode(Uint8Array.of(1))).toEqual(Buffer.from([1]))
  expect(raw.decode(Buffer.from([255]))).toEqual(Buffer.from([255]))
  expect(() => raw.encode({})).toThrow('cannot send object as it is; expected text or bytes')
})

describe('text', () => {
  test('beyond ASCII is read as UTF-8', () => {
    expect(serializerByName('json').decode(Buffer.from('["é😀"]'))).toEqual(['é😀'])
    expect(serializerByName('yaml').decode(Buffer.from('- é😀'))).toEqual(['é😀'])
  })

  test.each(['json', 'yaml'])('that is no UTF-8 is refused in %s, naming the byte', (name) => {
    const body = Buffer.concat([Buffer.from('["a'), Buffer.from([0xff]), Buffer.from('"]')])
    expect(() => serializerByName(name).decode(body)).toThrow('is not valid UTF-8, at byte 3')
    expect(() => serializerByName(name).decode(body)).toThrow(
      expect.objectContaining({ code: 'MESSAGE_UNDECODABLE' }),
    )
  })

  test('with a byte order mark is refused in JSON, as Python does', () => {
    expect(() => serializerByName('json').decode(Buffer.from('\ufeff[]'))).toThrow(
      'without a byte order mark',
    )
  })
})

test.each(['json', 'yaml', 'msgpack', 'pickle'])(
  'garbage is refused by %s, five megabytes of it too',
  (name) => {
    const { decode } = serializerByName(name)
    for (const body of [
      Buffer.alloc(0),
      Buffer.from([0xc1, 0xff, 0x00]),
      Buffer.alloc(5_000_000, '['),
    ]) {
      // Nothing at all is null in YAML.
      if (name === 'yaml' && body.length === 0) expect(decode(body)).toBeNull()
      else if (name === 'msgpack' && body[0] === 0x5b)
        expect(() => decode(body)).toThrow(/expected the end/)
      else
        expect(() => decode(body)).toThrow(
          expect.objectContaining({ code: expect.stringMatching(/UNDECODABLE|TOO_LARGE/) }),
        )
    }
  },
  20_000,
)
