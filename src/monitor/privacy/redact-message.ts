import { decodeJson } from '../../codecs/json/json.ts'
import { reprArgs, reprKwargs } from '../../codecs/python/python-repr.ts'
import type { Serializer } from '../../codecs/serializers.ts'
import { acceptedSerializer, decodeBody, plainBytes } from '../../protocol/content.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import type { Headers, Message } from '../../protocol/message.ts'
import { ValueRedactor } from './redact-value.ts'
import { REDACTED, type RedactionRules } from './redaction-rules.ts'

export interface RedactedMessage {
  /** The same object where nothing was taken out. */
  readonly message: Message
  /** Where something was taken out: `kwargs.password`, `headers.api_key`. */
  readonly redacted: readonly string[]
  /** Whether it is known what each part of the body is. Where it is not, the rules may have missed something. */
  readonly isUnderstood: boolean
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
  const isUnderstood = task === null ? isRecord(value) : isBody(value)
  const isSame = body === value && !hidesText({ message, serializer, value }, rules)
  if (!isSame && body === value) redactor.found.add('body')
  if (redactor.found.size === 0) return { message, redacted: [], isUnderstood }
  return {
    message: isSame ? { ...message, headers } : { ...written(message, serializer, body), headers },
    redacted: [...redactor.found],
    isUnderstood,
  }
}

/** The headers alone, of a message whose body cannot be read. */
export function redactUnreadable(message: Message, rules: RedactionRules): RedactedMessage {
  const redactor = new ValueRedactor(rules)
  const headers = redactHeaders(message.headers, rules, redactor, {
    argsrepr: REDACTED,
    kwargsrepr: REDACTED,
  })
  return { message: { ...message, headers }, redacted: [...redactor.found], isUnderstood: false }
}

/** Protocol 2 has `[args, kwargs, embed]`, protocol 1 one dict, which is a call like those inside of messages. */
function redactBody(value: unknown, task: string | null, redactor: ValueRedactor): unknown {
  if (task === null) return redactor.redact(value, 'body')
  if (isRecord(value)) return redactHybrid(value, task, redactor)
  if (!Array.isArray(value) || value.length !== 3) return redactor.redact(value, 'body')
  const [args, kwargs, embed] = value
  const parts = [
    redactor.redactArguments(args, 'args', task),
    redactor.redactArguments(kwargs, 'kwargs', task),
    redactor.redact(embed, 'embed'),
  ]
  return parts.every((part, at) => part === value[at]) ? value : parts
}

/** The body of protocol 1 under the headers of protocol 2, which name its task. */
function redactHybrid(body: Dict, task: string, redactor: ValueRedactor): unknown {
  const { args, kwargs, ...rest } = redactor.redact(body, 'body') as Dict // a dict gives a dict
  const parts = {
    ...rest,
    ...('args' in body && { args: redactor.redactArguments(args, 'args', task) }),
    ...('kwargs' in body && { kwargs: redactor.redactArguments(kwargs, 'kwargs', task) }),
  }
  return Object.entries(parts).every(([key, part]) => part === body[key]) ? body : parts
}

function isBody(value: unknown): boolean {
  return isRecord(value) ? 'args' in value : Array.isArray(value) && value.length === 3
}

interface Written {
  readonly message: Message
  readonly serializer: Serializer
  readonly value: unknown
}

/** Whether the bytes show a name that the value does not have: in a comment, or by a key that is there twice. */
function hidesText({ message, serializer, value }: Written, rules: RedactionRules): boolean {
  if (serializer.name === 'msgpack') return false
  const text = plainBytes(message).toString().replace(ESCAPED, unescaped)
  return rules.hitsText(text) && !rules.hitsText(serializer.encode(value).toString())
}

const ESCAPED = /\\u(00[2-7][\da-f])/gi

function unescaped(_: string, digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 16))
}

type Shown = Readonly<Partial<Record<'argsrepr' | 'kwargsrepr', string>>>

/** What `argsrepr` and `kwargsrepr` have to show now: the arguments as they are without what was taken out. */
function shownIn(body: unknown, before: unknown): Shown {
  if (!(Array.isArray(body) && Array.isArray(before))) return body === before ? {} : ALL_HIDDEN
  const [args, kwargs] = body
  return {
    ...(args !== before[0] && { argsrepr: Array.isArray(args) ? reprArgs(args) : REDACTED }),
    ...(kwargs !== before[1] && { kwargsrepr: isRecord(kwargs) ? reprKwargs(kwargs) : REDACTED }),
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
    if (PROTOCOL.has(name)) return [name, redactor.redact(value, `headers.${name}`)]
    if (name !== 'argsrepr' && name !== 'kwargsrepr') {
      return [name, redactHeader(name, value, { rules, redactor })]
    }
    const isShowing = typeof value === 'string' && (name in shown || rules.hitsText(value))
    if (isShowing) redactor.found.add(`headers.${name}`)
    return [name, isShowing ? (shown[name] ?? REDACTED) : value]
  })
  return Object.fromEntries(entries)
}

/** Text in headers is for people, or lists values by their names, as `baggage` does. */
function redactHeader(
  name: string,
  value: unknown,
  { rules, redactor }: { readonly rules: RedactionRules; readonly redactor: ValueRedactor },
): unknown {
  if (typeof value === 'string' && rules.hitsText(value)) {
    redactor.found.add(`headers.${name}`)
    return REDACTED
  }
  const only = redactor.redact({ [name]: value }, 'headers') as Headers // a dict gives a dict
  return only[name]
}

/** What makes it a task's message; without it the record could not say whose it was. */
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

type Dict = Readonly<Record<string, unknown>>
