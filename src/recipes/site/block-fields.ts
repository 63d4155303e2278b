/** The settings of one plug-in, as in the file. */
export type Block = Readonly<Record<string, unknown>>

/** What is wrong with a block: the field, then sentences. */
type FieldFaults = Readonly<Record<string, readonly string[]>>

type Check = (value: unknown) => string | null

interface Field {
  readonly check: Check
  readonly isRequired: boolean
}

const text: Check = (value) => (typeof value === 'string' ? null : 'Not a valid string.')
const integer: Check = (value) => (isInteger(value) ? null : 'Not a valid integer.')
const anything: Check = () => null
const mail: Check = (value) => {
  if (typeof value !== 'string') return 'Not a valid string.'
  return /^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(value) ? null : 'Not a valid email address.'
}
const graylogProtocol: Check = (value) => {
  if (typeof value !== 'string') return 'Not a valid string.'
  return value === 'UDP' || value === 'TCP' ? null : 'Must be one of: UDP, TCP.'
}

const needed = (check: Check): Field => ({ check, isRequired: true })
const optional = (check: Check): Field => ({ check, isRequired: false })

const SLURM = {
  url: needed(text),
  api_version: needed(text),
  user: optional(text),
  user_token: optional(text),
}

/** The fields that Zocalo checks, by plug-in (`sqs` is ours); any other field is kept as it is. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  graylog: { protocol: needed(graylogProtocol), host: needed(text), port: needed(integer) },
  iris: SLURM,
  jmx: {
    host: needed(text),
    port: needed(integer),
    base_url: needed(text),
    username: needed(text),
    password: needed(text),
  },
  opentelemetry: { host: needed(text), port: needed(integer), timeout: optional(integer) },
  pika: {
    host: needed(text),
    port: needed(anything),
    username: needed(text),
    password: needed(text),
    vhost: needed(text),
  },
  rabbitmqapi: {
    base_url: needed(text),
    username: needed(text),
    password: needed(text),
    vhost: optional(text),
  },
  slurm: SLURM,
  smtp: { host: needed(text), port: needed(integer), from: optional(mail) },
  sqs: { url: optional(text), delivery_limit: optional(integer) },
  stomp: {
    host: needed(text),
    port: needed(integer),
    username: needed(text),
    password: needed(text),
    prefix: needed(text),
  },
  transport: { default: needed(text) },
}

/** Checks a block against the fields of its plug-in; values are not converted. Empty when all is well. */
export function fieldFaults(block: Block): FieldFaults {
  const plugin = block.plugin
  if (plugin === undefined) return { plugin: ["definition lacks the mandatory 'plugin' key"] }
  if (plugin === null) return { plugin: ['Field may not be null.'] }
  if (typeof plugin !== 'string') return { plugin: ['Not a valid string.'] }
  const fields = Object.hasOwn(FIELDS, plugin) ? (FIELDS[plugin] ?? {}) : {}
  const faults: Record<string, readonly string[]> = {}
  for (const [name, field] of Object.entries(fields)) {
    const fault = faultOf(field, block[name])
    if (fault !== null) faults[name] = [fault]
  }
  return faults
}

function faultOf(field: Field, value: unknown): string | null {
  if (value === undefined) return field.isRequired ? 'Missing data for required field.' : null
  return value === null ? 'Field may not be null.' : field.check(value)
}

// Python's int() takes text of digits, too; booleans are no numbers here.
function isInteger(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value === 'bigint') return true
  return typeof value === 'string' && /^\s*[+-]?\d+(?:_\d+)*\s*$/.test(value)
}
