import { decodeJson } from '../../codecs/json.ts'
import { reprArgs, reprKwargs } from '../../codecs/python-repr.ts'
import type { Serializer } from '../../codecs/serializers.ts'
import { acceptedSerializer, decodeBody, plainBytes } from '../../protocol/content.ts'
import type { Headers, Message } from '../../protocol/message.ts'
import { ValueRedactor } from './redact-value.ts'
import { REDACTED, type RedactionRules } from './redaction-rules.ts'

export interface RedactedMessage {
  /** The same object where nothing was taken out. */
  readonly message: Message
  /** Where something was taken out: `kwargs.password`, `headers.api_key`. */
  readonly redacted: readonly string[]
}

/**
 * A message without the values that the rules name: its body written anew, its headers and the texts that show its
 * arguments likewise. Throws where the body cannot be read, or not be written again.
 */
export function redactMessage(
  message: Message,
  rules: RedactionRules,
  readable: readonly string[],
): RedactedMessage {
  const redactor = new ValueRedactor(rules)
  const serializer = acceptedSerializer(message, readable)
  const value = decodedExactly(message, serializer)
  const task = typeof message.headers.task === 'string' ? message.headers.task : null
  const body = redactBody(value, task, redactor)
  const headers = redactHeaders(message.headers, rules, redactor, shownIn(body, value))
  if (redactor.found.size === 0) return { message, redacted: [] }
  const isSame = body === value
  return {
    message: isSame ? { ...message, headers } : { ...written(message, serializer, body), headers },
    redacted: [...redactor.found],
  }
}

/** The headers alone, of a message whose body nobody can read. */
export function redactUnreadable(message: Message, rules: RedactionRules): RedactedMessage {
  const redactor = new ValueRedactor(rules)
  const headers = redactHeaders(message.headers, rules, redactor, {
    argsrepr: REDACTED,
    kwargsrepr: REDACTED,
  })
  return { message: { ...message, headers }, redacted: [...redactor.found] }
}

/** Protocol 2 has `[args, kwargs, embed]`, protocol 1 one dict, which is a call like those inside of messages. */
function redactBody(value: unknown, task: string | null, redactor: ValueRedactor): unknown {
  if (!Array.isArray(value) || value.length !== 3) return redactor.redact(value, 'body', task)
  const [args, kwargs, embed] = value
  const parts = [
    redactor.redact(args, 'args', task),
    redactor.redact(kwargs, 'kwargs', task),
    redactor.redact(embed, 'embed'),
  ]
  return parts.every((part, at) => part === value[at]) ? value : parts
}

type Shown = Readonly<Partial<Record<'argsrepr' | 'kwargsrepr', string>>>

/** What `argsrepr` and `kwargsrepr` have to show now: the arguments as they are without what was taken out. */
function shownIn(body: unknown, before: unknown): Shown {
  if (!(Array.isArray(body) && Array.isArray(before))) return body === before ? {} : ALL_HIDDEN
  const [args, kwargs] = body
  return {
    ...(args !== before[0] && { argsrepr: Array.isArray(args) ? reprArgs(args) : REDACTED }),
    ...(kwargs !== before[1] && { kwargsrepr: isDict(kwargs) ? reprKwargs(kwargs) : REDACTED }),
  }
}

const ALL_HIDDEN: Shown = { argsrepr: REDACTED, kwargsrepr: REDACTED }

function redactHeaders(
  headers: Headers,
  rules: RedactionRules,
  redactor: ValueRedactor,
  shown: Shown,
): Headers {
  const entries = Object.entries(headers).map(([name, value]): [string, unknown] => {
    if (PROTOCOL.has(name)) return [name, value]
    if (name !== 'argsrepr' && name !== 'kwargsrepr') {
      return [name, redactHeader(name, value, redactor)]
    }
    const isShowing = typeof value === 'string' && (name in shown || rules.hitsText(value))
    if (isShowing) redactor.found.add(`headers.${name}`)
    return [name, isShowing ? (shown[name] ?? REDACTED) : value]
  })
  return Object.fromEntries(entries)
}

function redactHeader(name: string, value: unknown, redactor: ValueRedactor): unknown {
  const only = redactor.redact({ [name]: value }, 'headers') as Headers // a dict gives a dict
  return only[name]
}

/** What makes it a task's message; without it nobody could tell whose it was. */
const PROTOCOL = new Set(
  'id task lang root_id parent_id group group_index eta expires retries timelimit origin'.split(
    ' ',
  ),
)

/** Floats that look like integers stay floats. */
function decodedExactly(message: Message, serializer: Serializer): unknown {
  if (serializer.name !== 'json') return decodeBody(message, serializer)
  // Decoded twice where it is JSON of note; decodeBody has the errors that people know.
  decodeBody(message, serializer)
  return decodeJson(plainBytes(message).toString(), { keepFloats: true })
}

function written(message: Message, serializer: Serializer, value: unknown): Message {
  return {
    headers: message.headers,
    properties: { ...message.properties, contentEncoding: serializer.contentEncoding },
    body: serializer.encode(value),
  }
}

function isDict(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
