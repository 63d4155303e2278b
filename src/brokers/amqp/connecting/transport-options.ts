import { BrokerError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import { isRecord } from '../../../protocol/field-readers.ts'

type Options = Readonly<Record<string, unknown>>

interface Check {
  readonly expected: string
  readonly fits: (value: unknown) => boolean
}

/** The smallest that AMQP allows; 0 is without limit. */
const SMALLEST_FRAME = 4_096
const MOST_CHANNELS = 65_535
/** AMQP has two bytes for it. */
const LONGEST_HEARTBEAT = 65_535

const CHECKS: Readonly<Record<string, Check>> = {
  channel_max: integer({ from: 0, to: MOST_CHANNELS }),
  client_properties: { expected: 'a dict', fits: isRecord },
  connect_timeout: {
    expected: 'seconds, more than 0',
    fits: (value) => isNumber(value, 0) && value !== 0,
  },
  frame_max: {
    expected: `an integer, ${SMALLEST_FRAME} or more, or 0`,
    fits: (value) => value === 0 || (Number.isInteger(value) && isNumber(value, SMALLEST_FRAME)),
  },
  heartbeat: { expected: 'seconds, 0 or more', fits: (value) => isNumber(value, 0) },
  login_method: { expected: 'a text', fits: (value) => typeof value === 'string' },
}

/** Those of py-amqp and of kombu's way to try again, which a file may hold that is shared with Python. */
const PYTHON: readonly string[] = [
  ...['confirm_publish', 'insist', 'locale', 'read_timeout', 'socket_settings', 'write_timeout'],
  ...['errback', 'interval_max', 'interval_start', 'interval_step', 'max_retries'],
]

/** Throws for a value that no connection could be made with. As in Celery, None is as good as none. */
export function checkTransportOptions(options: Options = {}): void {
  for (const [name, { expected, fits }] of Object.entries(CHECKS)) {
    const value = options[name]
    if (value === undefined || value === null || fits(value)) continue
    throw new BrokerError(
      'BROKER_UNREACHABLE',
      `broker_transport_options: ${name} is ${shown(value)}, expected ${expected}`,
    )
  }
}

/** Says which options do nothing: they may be misspelt. */
export function warnOfOptionsWithoutEffect(options: Options = {}, logger: Logger): void {
  for (const option of Object.keys(options)) {
    if (Object.hasOwn(CHECKS, option) || PYTHON.includes(option)) continue
    logger.warn({ option }, 'an option of broker_transport_options has no effect with RabbitMQ')
  }
}

/** What can be agreed upon with a server: whole seconds, as a part of one would be sent as none. */
export function heartbeatInWholeSeconds(seconds: number): number {
  return Math.min(Math.ceil(seconds), LONGEST_HEARTBEAT)
}

function integer({ from, to }: { readonly from: number; readonly to: number }): Check {
  return {
    expected: `an integer from ${from} to ${to}`,
    fits: (value) => Number.isInteger(value) && isNumber(value, from) && Number(value) <= to,
  }
}

function isNumber(value: unknown, least: number): boolean {
  return typeof value === 'number' && value >= least
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value)
}
