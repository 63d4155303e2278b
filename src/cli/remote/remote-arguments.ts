import { UsageError } from '../../errors.ts'
import type { ArgumentType, RemoteCommand } from './remote-commands.ts'

/** What is typed behind a command, as the arguments of its message. Throws `UsageError`. */
export function remoteArguments(
  name: string,
  command: RemoteCommand,
  typed: readonly string[],
): Readonly<Record<string, unknown>> {
  const { args = [], variadic, signature = '' } = command
  const missing = args.slice(typed.length).find(([arg]) => !arg.endsWith('?'))
  if (missing !== undefined) {
    throw new UsageError(`"${name}" needs ${missing[0]}; it takes: ${signature}`)
  }
  const rest = typed.slice(args.length)
  if (rest.length > 0 && variadic === undefined) {
    const takes = signature === '' ? 'takes no arguments' : `takes: ${signature}`
    throw new UsageError(`"${name}" does not accept "${rest[0]}"; it ${takes}`)
  }
  const named = args.slice(0, typed.length).map(([arg, type], at) => {
    const key = arg.replace('?', '')
    return [key, readValue(key, type, typed[at] ?? '')] as const
  })
  return { ...Object.fromEntries(named), ...(variadic !== undefined && { [variadic]: rest }) }
}

function readValue(name: string, type: ArgumentType, text: string): unknown {
  const value = READERS[type].read(text)
  if (value !== undefined) return value
  throw new UsageError(`${name} is "${text}", expected ${READERS[type].expected}`)
}

const TRUE = ['yes', 'true', 'on', '1']
const FALSE = ['no', 'false', 'off', '0']

const READERS: Readonly<
  Record<ArgumentType, { readonly expected: string; readonly read: (text: string) => unknown }>
> = {
  text: { expected: 'a text', read: (text) => text },
  integer: {
    expected: 'a whole number',
    read: (text) => (/^-?\d{1,15}$/.test(text) ? Number(text) : undefined),
  },
  seconds: {
    expected: 'seconds, such as 1.5',
    read: (text) => (/^\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined),
  },
  boolean: {
    expected: `one of ${[...TRUE, ...FALSE].join(', ')}`,
    read: (text) => {
      const word = text.toLowerCase()
      if (TRUE.includes(word)) return true
      return FALSE.includes(word) ? false : undefined
    },
  },
}
