import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodeJson, encodeJson } from '../../src/codecs/json/json.ts'
import { RecipeError } from '../../src/errors.ts'
import { MemoryTransport, Recipe, RecipeWrapper, type Transport } from '../../src/recipes/index.ts'
import { waitFor } from '../support/wait-for.ts'

interface Call {
  readonly method: string
  readonly destination: string
  readonly message: unknown
  readonly options: unknown
}

interface WrapperCase {
  readonly name: string
  readonly message?: Record<string, unknown>
  readonly recipe?: Record<string, unknown>
  readonly environment?: Record<string, unknown>
  readonly operations: readonly (readonly unknown[])[]
  readonly constructor_error?: string
  readonly state?: Record<string, unknown>
  readonly results?: readonly {
    readonly error?: string
    readonly transport_calls: readonly Call[]
  }[]
}

const file = join(import.meta.dirname, '../fixtures/recipes/expected.json')
const { wrapper: cases } = exactly(readFileSync(file, 'utf8')) as {
  wrapper: readonly WrapperCase[]
}

describe('a wrapper makes the transport calls that Python makes', () => {
  test.each(cases.filter((item) => item.constructor_error === undefined))('$name', async (item) => {
    const recorder = recordingTransport()
    const wrapper = wrapperOf(item, recorder.transport)
    expect(stateOf(wrapper)).toBe(encodeJson(item.state))
    for (const [index, operation] of item.operations.entries()) {
      const expected = item.results?.[index]
      const error = await outcomeOf(perform(wrapper, operation))
      expect(error).toBe(expected?.error)
      expect(recorder.taken()).toEqual((expected?.transport_calls ?? []).map(plain))
    }
  })

  test.each(cases.filter((item) => item.constructor_error !== undefined))(
    '$name is refused',
    (item) => {
      try {
        wrapperOf(item, recordingTransport().transport)
      } catch (error) {
        expect(error).toMatchObject({ stage: 'message', pythonClass: item.constructor_error })
        return
      }
      throw new Error('it was taken')
    },
  )
})

test('a broadcast that would have to wait is refused before any target has its message', async () => {
  const recorder = recordingTransport()
  const transport = {
    ...recorder.transport,
    checkBroadcast: (topic: string, options: { delay?: number }) => {
      if ((options.delay ?? 0) !== 0) throw new Error(`cannot delay broadcasts to ${topic}`)
    },
  } as Transport
  const recipe = {
    start: [[1, null]],
    '1': { queue: 'a', output: [2, 3] },
    '2': { queue: 'b' },
    '3': { topic: 't' },
  }
  const wrapper = new RecipeWrapper({ message: { recipe, 'recipe-pointer': 1 }, transport })
  await expect(wrapper.send('x', { delay: 3 })).rejects.toThrow('cannot delay broadcasts to t')
  expect(recorder.taken()).toEqual([])
})

function wrapperOf(item: WrapperCase, transport: Transport): RecipeWrapper {
  if (item.message !== undefined) return new RecipeWrapper({ message: item.message, transport })
  return new RecipeWrapper({
    recipe: item.recipe ?? {},
    transport,
    ...(item.environment === undefined ? {} : { environment: item.environment }),
  })
}

function stateOf(wrapper: RecipeWrapper): string {
  return encodeJson({
    recipe_pointer: wrapper.recipePointer,
    recipe_path: wrapper.recipePath,
    environment: wrapper.environment,
    payload: wrapper.payload,
    recipe_step: wrapper.recipeStep,
  })
}

function perform(wrapper: RecipeWrapper, operation: readonly unknown[]): Promise<void> | void {
  const [method, ...given] = operation
  const { args, options } = argumentsOf(given)
  switch (method) {
    case 'send':
      return wrapper.send(args[0], options)
    case 'send_to':
      return wrapper.sendTo(String(args[0]), args[1], options)
    case 'set_default_channel':
      return wrapper.setDefaultChannel(String(args[0]))
    case 'start':
      return wrapper.start(options)
    case 'checkpoint':
      return wrapper.checkpoint(args[0], options)
    default:
      return wrapper.applyParameters(args[0] as Record<string, unknown>)
  }
}

function argumentsOf(given: readonly unknown[]) {
  const last = given.at(-1) as { options?: Record<string, unknown> } | undefined
  if (typeof last !== 'object' || last === null || !('options' in last))
    return { args: given, options: {} }
  const { mangle, ...options } = last.options ?? {}
  const mangleForSending = (message: { payload: unknown }) =>
    `MANGLED:${encodeJson(message.payload)}`
  return {
    args: given.slice(0, -1),
    options: mangle === true ? { ...options, mangleForSending } : options,
  }
}

async function outcomeOf(work: Promise<void> | void): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (error instanceof RecipeError) return error.pythonClass
    throw error
  }
}

/** What a transport was asked to do; it has no broker. */
function recordingTransport() {
  const calls: Call[] = []
  const record =
    (method: string) => async (destination: string, message: unknown, options: unknown) => {
      calls.push({ method, destination, message, options })
    }
  const transport = {
    isReconnectable: false,
    send: record('send'),
    rawSend: record('raw_send'),
    broadcast: record('broadcast'),
    rawBroadcast: record('raw_broadcast'),
  } as unknown as Transport
  return { transport, taken: () => calls.splice(0).map(plain) }
}

function plain(call: Call): unknown {
  const message = typeof call.message === 'string' ? call.message : withoutOrder(call.message)
  return { ...call, message, options: JSON.parse(JSON.stringify(call.options)) }
}

function withoutOrder(message: unknown): unknown {
  return JSON.parse(encodeJson(message))
}

function exactly(text: string): unknown {
  return decodeJson(text, { keepFloats: true, keepOrder: true, plainObjects: true })
}

test('a recipe can be built by hand, and a wrapper starts it', async () => {
  const recorder = recordingTransport()
  const recipe = new Recipe({ start: [[1, { n: 1 }]], '1': { queue: 'first' } })
  await new RecipeWrapper({ recipe, transport: recorder.transport }).start()
  expect(recorder.taken()).toMatchObject([{ method: 'send', destination: 'first' }])
})

test('a pointer beyond 2^53 keeps its digits, and one that is no number is named', () => {
  const far = '9007199254740993'
  const recipe = { start: [[1, null]], [far]: { queue: 'far' } }
  expect(new RecipeWrapper({ message: { recipe, 'recipe-pointer': far } }).recipePointer).toBe(
    9007199254740993n,
  )
  const message = { recipe, 'recipe-pointer': new Map([['a', 1n]]) }
  expect(() => new RecipeWrapper({ message })).toThrow(
    "the recipe-pointer of a message is {'a': 1}; expected a node number",
  )
})

test('JSON.stringify writes recipes and payloads whole, where a plain Map would be an empty object', async () => {
  const bodies: unknown[] = []
  await using transport = new MemoryTransport({ name: crypto.randomUUID() })
  await transport.subscribe('q', (_header, body) => void bodies.push(body))
  const recipe = Recipe.parse(
    '{"start": [[1, {"7": {"8": "x"}}]], "1": {"queue": "q", "output": {"1": 2}}, "2": {"queue": "r"}}',
  )
  const mangleForSending = (message: unknown): string => JSON.stringify(message)
  await new RecipeWrapper({ recipe, transport, mangleForSending }).start()
  await waitFor('the message', () => bodies.length === 1)
  expect(JSON.parse(JSON.stringify(bodies[0]))).toMatchObject({
    recipe: { start: [[1, { 7: { 8: 'x' } }]], 1: { queue: 'q', output: { 1: 2 } } },
    payload: { 7: { 8: 'x' } },
  })
  expect(JSON.parse(JSON.stringify(recipe.recipe))).toEqual(JSON.parse(recipe.serialize()))
  expect(Recipe.parse(recipe.serialize()).serialize()).toBe(recipe.serialize())
})
