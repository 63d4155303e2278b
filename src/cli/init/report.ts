import { readPythonLiteral } from '../../config/python-literal/python-literal.ts'
import { UsageError } from '../../errors.ts'
import type { PythonSettings } from '../contract/python-contract.ts'

const SETTING = /^([a-z]\w*):[ \n]+((?:.|\n(?![a-z]\w*:))*)/gm

/** What `celery -A APP report` printed: the settings that differ from Celery's defaults, passwords hidden. */
export function readReport(text: string): PythonSettings {
  const version = /celery:(\S+)/.exec(text)?.[1]
  if (version === undefined) {
    throw new UsageError(
      'this is not the output of "celery -A APP report": it names no version of Celery',
    )
  }
  const settings = new Map(
    [...text.matchAll(SETTING)].map(([, name = '', value = '']) => [name, value.trim()]),
  )
  const settingText = (name: string): string | null => {
    const value = literal(settings.get(name))
    return typeof value === 'string' ? value : null
  }
  const queue = settingText('task_default_queue') ?? 'celery'
  return {
    version,
    name: null,
    broker_url: settingText('broker_url') ?? 'amqp://guest:guest@localhost//',
    result_backend: settingText('result_backend'),
    queue,
    exchange: settingText('task_default_exchange') ?? queue,
    exchange_type: settingText('task_default_exchange_type') ?? 'direct',
    queues: queuesIn(settings.get('task_queues')) ?? [queue],
  }
}

/** Undefined where it is no literal, as functions and queues are none. */
function literal(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return readPythonLiteral(text)
  } catch {
    return undefined
  }
}

/** As kombu prints them: `<unbound Queue export -> <unbound Exchange …> -> export>`; or as a dict by name. */
function queuesIn(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined
  const printed = [...text.matchAll(/<(?:unbound )?Queue ([^\s>]+)/g)].map(([, name = '']) => name)
  if (printed.length > 0) return printed
  const value = literal(text)
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.keys(value)
    : undefined
}
