import { harmlessText } from '../../codecs/python/python-text.ts'
import { printed } from '../../config/printed.ts'
import type { CeleryEvent } from '../../protocol/events/events.ts'
import { textOf } from '../../text-of-error.ts'

const WORDS: Readonly<Record<string, string>> = {
  'worker-offline': 'shutdown',
  'worker-online': 'started',
  'worker-heartbeat': 'heartbeat',
}
const MOST_NAMES = 4_095

/** Events as `celery events --dump` prints them: one a line, a task by the name and arguments that it arrived with. */
export class EventLines {
  readonly #tasks = new Map<string, string>()

  lineOf(event: CeleryEvent): string {
    const { type, hostname, timestamp, ...fields } = event
    const isTask = type.startsWith('task-') && typeof fields.uuid === 'string'
    const task = isTask ? `${this.#taskOf(String(fields.uuid), event)} ` : ''
    const shown = isTask ? ['uuid', ...(isArrival(type) ? ['name', 'args', 'kwargs'] : [])] : []
    const rest = Object.entries(fields)
      .filter(([name]) => !shown.includes(name))
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, value]) => `${name}=${typeof value === 'string' ? value : printed(value)}`)
      .join(', ')
    const known = Object.hasOwn(WORDS, type) ? WORDS[type] : undefined
    const word = known ?? type.replaceAll('-', ' ')
    const colon = rest === '' ? '' : ':'
    const line = `${textOf(hostname)} [${pythonTime(timestamp)}] ${word}${colon} ${task}${rest}`
    return harmlessText(line).replaceAll('\n', '\\n')
  }

  #taskOf(uuid: string, { type, name, args, kwargs }: CeleryEvent): string {
    if (!isArrival(type)) return this.#tasks.get(uuid) ?? ''
    const task = `${textOf(name)}(${uuid}) args=${textOf(args)} kwargs=${textOf(kwargs)}`
    this.#tasks.set(uuid, task)
    const [oldest] = this.#tasks.keys()
    if (this.#tasks.size > MOST_NAMES && oldest !== undefined) this.#tasks.delete(oldest)
    return task
  }
}

function isArrival(type: string): boolean {
  return type === 'task-received' || type === 'task-sent'
}

/** What no Date can be is shown as it came. */
const LAST_SECOND = 8.64e12

/** As Python's str of a time that knows its zone. */
function pythonTime(timestamp: unknown): string {
  const seconds = typeof timestamp === 'number' ? timestamp : Number.NaN
  if (!(Math.abs(seconds) < LAST_SECOND)) return `at ${textOf(timestamp)}`
  const text = new Date(seconds * 1_000).toISOString()
  const micros = String(Math.round((seconds % 1) * 1e6) % 1_000_000).padStart(6, '0')
  return `${text.slice(0, 19).replace('T', ' ')}.${micros}+00:00`
}
