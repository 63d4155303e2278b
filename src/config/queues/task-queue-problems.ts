import { isRecord } from '../../protocol/field-readers.ts'
import { printedShort } from '../printed.ts'

type QueueEntry = readonly [name: unknown, options: unknown]

interface OptionKind {
  readonly expected: string
  readonly fits: (value: unknown) => boolean
}

const EXCHANGE_TYPES: readonly unknown[] = ['topic', 'direct', 'fanout', 'headers']
const TEXT: OptionKind = { expected: 'text', fits: (value) => typeof value === 'string' }
const FLAG: OptionKind = { expected: 'true or false', fits: (value) => typeof value === 'boolean' }
const EXCHANGE_TYPE: OptionKind = {
  expected: `one of ${EXCHANGE_TYPES.join(', ')}`,
  fits: (value) => EXCHANGE_TYPES.includes(value),
}
const EXCHANGE: OptionKind = {
  expected: 'a name, or a dict with name and type',
  fits: (value) =>
    typeof value === 'string' ||
    (isRecord(value) &&
      TEXT.fits(value.name) &&
      (value.type === undefined || EXCHANGE_TYPE.fits(value.type))),
}
const OPTIONS: ReadonlyMap<string, OptionKind> = new Map([
  ['name', TEXT],
  ['exchange', EXCHANGE],
  ['exchange_type', EXCHANGE_TYPE],
  ['routing_key', TEXT],
  ['binding_key', TEXT],
  ['queue_arguments', { expected: 'a dict', fits: isRecord }],
  ['durable', FLAG],
  ['exclusive', FLAG],
  ['auto_delete', FLAG],
])

/** What is wrong with the queues of `task_queues`, each a name and its options. */
export function taskQueueProblems(entries: readonly QueueEntry[]): string[] {
  if (entries.length === 0) return ['task_queues: [] names no queue, expected at least one']
  const names = entries.map(([name]) => name)
  const repeated = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  return [
    ...[...repeated].map((name) => `${queueText(name)} is there twice, expected each name once`),
    ...entries.flatMap(([name, options]) => entryProblems(name, options)),
  ]
}

/** One exchange has one type. */
export function exchangeProblems(
  queues: readonly { readonly exchange: string; readonly exchange_type: string }[],
): string[] {
  const types = new Map<string, string>()
  return queues.flatMap(({ exchange, exchange_type: type }) => {
    const known = types.get(exchange) ?? type
    types.set(exchange, known)
    if (known === type) return []
    return [`task_queues: exchange "${exchange}" has the types ${known} and ${type}, expected one`]
  })
}

function entryProblems(name: unknown, options: unknown): string[] {
  if (typeof name !== 'string' || name === '') {
    return [`task_queues: a queue has the name ${printedShort(name)}, expected non-empty text`]
  }
  if (Buffer.byteLength(name) > 255) {
    return [`${queueText(name)} has more than 255 bytes in its name, expected 255 at most`]
  }
  if (!isRecord(options)) return [`${queueText(name)} has no options, expected a dict`]
  return Object.entries(options).flatMap(([option, value]) => optionProblems(name, option, value))
}

function optionProblems(name: string, option: string, value: unknown): string[] {
  const kind = OPTIONS.get(option)
  if (kind === undefined) {
    const known = [...OPTIONS.keys()].join(', ')
    return [`${queueText(name)} has the unknown option "${option}", expected one of ${known}`]
  }
  if (value === null || value === undefined || kind.fits(value)) return []
  return [`${queueText(name)} has ${option}: ${printedShort(value)}, expected ${kind.expected}`]
}

function queueText(name: unknown): string {
  return `task_queues: queue "${String(name)}"`
}
