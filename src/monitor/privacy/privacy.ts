import type { Config } from '../../config/config.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import type { Message } from '../../protocol/message.ts'
import { type RedactedMessage, redactMessage, redactUnreadable } from './redact-message.ts'
import { ValueRedactor } from './redact-value.ts'
import { REDACTED, RedactionRules } from './redaction-rules.ts'

/** The settings that say what of a message is stored. */
export type PrivacySettings = Partial<
  Pick<Config, 'REDACT' | 'REDACT_UNREADABLE' | 'PAYLOAD_LIMIT_BYTES' | 'KEEP_LARGE_BODIES'>
>

/** What of a stored message is not as it was sent. */
export interface Altered {
  /** Where values were taken out. */
  readonly redacted?: readonly string[]
  /** How many bytes the body had that is not kept. */
  readonly dropped?: number
}

/** Decides what of messages, events and results may be stored. Nothing else may be written before it was asked. */
export class Privacy {
  /** Whether there is anything to take out. */
  readonly hasRules: boolean
  readonly keepsUnreadable: boolean
  readonly keepsLargeBodies: boolean
  readonly payloadLimitBytes: number
  readonly #rules: RedactionRules

  constructor(settings: PrivacySettings = {}) {
    this.#rules = new RedactionRules(settings.REDACT ?? [])
    this.hasRules = !this.#rules.isEmpty
    this.keepsUnreadable = settings.REDACT_UNREADABLE === 'keep'
    this.keepsLargeBodies = settings.KEEP_LARGE_BODIES ?? true
    this.payloadLimitBytes = settings.PAYLOAD_LIMIT_BYTES ?? 65_536
  }

  /** A message, expanded, whose body is one of these content types; throws where it cannot be read. */
  message(message: Message, readable: readonly string[]): RedactedMessage {
    return this.hasRules
      ? redactMessage(message, this.#rules, readable)
      : { message, redacted: [], isUnderstood: true }
  }

  unreadableMessage(message: Message): RedactedMessage {
    return redactUnreadable(message, this.#rules)
  }

  /** Any value: a result, the fields of an event. */
  value(value: unknown): unknown {
    return this.hasRules ? new ValueRedactor(this.#rules).redact(value, '') : value
  }

  /** A result; what an error says of itself is text. */
  outcome(result: unknown): unknown {
    const value = this.value(result)
    if (!(this.hasRules && isError(value))) return value
    const said = this.texts(value.exc_message)
    return { ...value, exc_message: Array.isArray(said) ? said : [said] }
  }

  /** The arguments of a task where they are not shown as text. */
  arguments(value: unknown, place: 'args' | 'kwargs', task: string | null): unknown {
    if (!this.hasRules || task === null) return this.value(value)
    return new ValueRedactor(this.#rules).redactArguments(value, place, task)
  }

  /** All text that is in a value, each as `text` has it. */
  texts(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value)
    if (Array.isArray(value)) return value.map((one) => this.texts(one))
    if (!isRecord(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.texts(one)]))
  }

  /** Text that may show values by their names: a repr, an exception, a traceback. It goes as a whole. */
  text(text: string): string {
    return this.#rules.hitsText(text) ? REDACTED : text
  }

  /** Text that shows the arguments of a task, which rules may count. */
  argumentsText(text: string, task: string | null): string {
    const counts = this.#rules.countsArgumentsOf(task) || this.#rules.countsArgumentsIn(text)
    return counts ? REDACTED : this.text(text)
  }
}

function isError(value: unknown): value is { readonly exc_message: unknown } {
  return typeof value === 'object' && value !== null && 'exc_message' in value
}
