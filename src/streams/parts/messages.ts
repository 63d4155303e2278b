type Fields = Record<string, unknown>

/**
 * The three messages of a run. Each is its own wire form, a map with `msg_type` as the beamline packages send it, so that
 * any codec writes it as it is; `data`, `metadata` and `payload` are views of the same fields.
 */
abstract class RunMessage {
  readonly msg_type: string

  protected constructor(type: string, fields: Readonly<Fields>) {
    this.msg_type = type
    for (const [name, value] of Object.entries(fields)) {
      // Defined, not assigned: a field may be called `data`, or `__proto__`.
      if (name !== 'msg_type') define(this, name, value)
    }
  }
}

/** A run begins. */
export class Start<Data = Fields> extends RunMessage {
  declare readonly data: Data

  constructor(data: Data = {} as Data) {
    super('start', fieldsOf(data))
  }
}

/** A run ends. */
export class Stop<Data = Fields> extends RunMessage {
  declare readonly data: Data

  constructor(data: Data = {} as Data) {
    super('stop', fieldsOf(data))
  }
}

/** One observation of a run. */
export class Event<Metadata = Fields, Payload = unknown> extends RunMessage {
  declare readonly metadata: Metadata
  declare readonly payload: Payload

  constructor(metadata: Metadata = {} as Metadata, payload: Payload = null as Payload) {
    super('event', { metadata, payload })
  }

  /** Of a flat map, as detectors send it: plain values are metadata, arrays and maps are payload. */
  static from(fields: Readonly<Fields>): Event<Fields, Fields> {
    const event: Event<Fields, Fields> = Object.create(Event.prototype)
    define(event, 'msg_type', 'event')
    for (const [name, value] of Object.entries(fields)) {
      if (name !== 'msg_type') define(event, name, value)
    }
    return event
  }
}

// Views for messages that have no own field of the name; an own field wins.
view(Start, 'data', dataOf)
view(Stop, 'data', dataOf)
view(Event, 'metadata', (event) => pick(event, (value) => !isLarge(value)))
view(Event, 'payload', (event) => pick(event, isLarge))

/** A decoded map with `msg_type` start, event or stop as the message it stands for; anything else as it is. */
export function asRunMessage(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('msg_type' in value)) return value
  if (value instanceof RunMessage || Array.isArray(value)) return value
  const fields = value as Readonly<Fields>
  switch (fields.msg_type) {
    case 'start':
      return new Start(fields)
    case 'event':
      return Event.from(fields)
    case 'stop':
      return new Stop(fields)
    default:
      return value
  }
}

function fieldsOf(data: unknown): Readonly<Fields> {
  const prototype = typeof data === 'object' && data !== null ? Object.getPrototypeOf(data) : false
  return prototype === Object.prototype || prototype === null ? (data as Fields) : { data }
}

function view(
  type: { readonly prototype: object },
  name: string,
  read: (message: Fields) => Fields,
): void {
  Object.defineProperty(type.prototype, name, {
    get(this: Fields) {
      return read(this)
    },
    configurable: true,
  })
}

function dataOf({ msg_type: _type, ...data }: Fields): Fields {
  return data
}

function pick(event: Fields, isWanted: (value: unknown) => boolean): Fields {
  return Object.fromEntries(Object.entries(dataOf(event)).filter(([, value]) => isWanted(value)))
}

function isLarge(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function define(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  })
}
