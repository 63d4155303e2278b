/** Values that have no form outside of JavaScript, each by what it is; made anew, as some can be used only once. */
export const ODD_VALUES: Readonly<Record<string, () => unknown>> = {
  'an object that contains itself': () => {
    const value: Record<string, unknown> = {}
    value.self = value
    return value
  },
  'an object that nests too deep': () => {
    let value: unknown = 1
    for (let depth = 0; depth < 100_000; depth += 1) value = { value }
    return value
  },
  'a symbol': () => Symbol('odd'),
  'a function': () => refuse,
  'an object with a getter that throws': () => ({
    get odd(): never {
      throw new RangeError('do not look')
    },
  }),
  'an object whose toJSON throws': () => ({
    toJSON(): never {
      throw new RangeError('do not ask')
    },
  }),
  'an object whose toJSON throws what has no text': () => ({
    toJSON(): never {
      throw Object.create(null)
    },
  }),
  'a list with a proxy in it that refuses everything': () => [refusingProxy()],
  'a list with a revoked proxy in it': () => [revokedProxy()],
  'a WeakMap': () => new WeakMap(),
  'an invalid date': () => new Date(Number.NaN),
  'a list with a symbol in it': () => [1, [Symbol('deep')]],
}

/** Things to throw that are hard to describe. */
export const ODD_ERRORS: Readonly<Record<string, () => unknown>> = {
  ...ODD_VALUES,
  'a proxy that refuses everything': refusingProxy,
  'a revoked proxy': revokedProxy,
  undefined: () => undefined,
  null: () => null,
  'a big integer': () => 2n ** 70n,
  'a text': () => 'just a text',
  'an error whose message throws': () => withGetter('message'),
  'an error whose name throws': () => withGetter('name'),
  'an error whose stack throws': () => withGetter('stack'),
  'an error whose cause throws': () => withGetter('cause'),
  'an error whose name is a symbol': () => Object.assign(new Error('x'), { name: Symbol('name') }),
  'an error whose code throws': () => withGetter('code'),
  'an error whose message is a number': () => Object.assign(new Error(), { message: 404 }),
  'an error whose message has no text': () =>
    Object.assign(new Error(), { message: Object.create(null) }),
  'an error whose stack is a symbol': () => Object.assign(new Error('x'), { stack: Symbol('st') }),
  'an error caused by a revoked proxy': () => new Error('x', { cause: revokedProxy() }),
  'an object without a prototype': () => Object.create(null),
  'an error whose message is an object': () => Object.assign(new Error(), { message: { a: 1n } }),
  'an error that causes itself': () => {
    const error = new Error('circle')
    error.cause = error
    return error
  },
  'an error with a cause that has no form': () => new Error('x', { cause: Symbol('cause') }),
  'an error with half a character in its message': () => new Error('half \ud800 and \0 end'),
  'an error with a message of two million characters': () => new Error('x'.repeat(2_000_000)),
}

function refusingProxy(): object {
  const traps = ['ownKeys', 'get', 'has', 'getPrototypeOf', 'getOwnPropertyDescriptor']
  return new Proxy({}, Object.fromEntries(traps.map((trap) => [trap, refuse])))
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function refuse(): never {
  throw new RangeError('refused')
}

function withGetter(name: string): Error {
  return Object.defineProperty(new Error('hidden'), name, { get: refuse })
}
