import { harmlessText } from '../../codecs/python/python-text.ts'
import { printed } from '../../config/printed.ts'
import type { WorkerReply } from '../../control/control-replies.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { jsonText } from '../output/json-text.ts'

interface ReplyTextOptions {
  readonly isColoured: boolean
  /** Not only who answered and whether all is well. */
  readonly withBody: boolean
}

/** One worker's answer, as `celery` shows it: `->  w1@host: OK`, and what it says. */
export function replyText(reply: WorkerReply, { isColoured, withBody }: ReplyTextOptions): string {
  return Object.entries(reply)
    .map(([worker, said]) => {
      const { status, body } = shown(said)
      const by = `${harmlessText(worker)}: `
      const name = isColoured ? coloured('1;36', by) : by
      const title = `->  ${name}${isColoured ? coloured(STATUS_COLOURS[status], status) : status}`
      return withBody ? `${title}\n${indented(body)}` : title
    })
    .join('\n')
}

const STATUS_COLOURS = { OK: '1;32', ERROR: '1;31' } as const

function shown(said: unknown): { readonly status: 'OK' | 'ERROR'; readonly body: string } {
  if (typeof said !== 'object' || said === null || Array.isArray(said)) {
    return { status: 'OK', body: bodyOf(said) }
  }
  if ('ok' in said) return { status: 'OK', body: indented(bodyOf(said.ok)) }
  if ('error' in said) return { status: 'ERROR', body: indented(bodyOf(said.error)) }
  return { status: 'OK', body: jsonText(sorted(said), 4) }
}

function bodyOf(said: unknown): string {
  if (typeof said === 'string') return harmlessText(said)
  if (Array.isArray(said)) {
    if (said.length === 0) return '- empty -'
    return said
      .map((item) => `* ${typeof item === 'string' ? harmlessText(item) : printed(item)}`)
      .join('\n')
  }
  return printed(said)
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isRecord(value)) return value
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]))
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n')
}

function coloured(code: string, text: string): string {
  return `\u001B[${code}m${text}\u001B[0m`
}
