import { BrokerError } from '../../../errors.ts'

const FIFO = '.fifo'
const MOST_CHARACTERS = 80
const ALLOWED = /^[\w-]+(?:\.fifo)?$/

/** ASCII punctuation but `-`, `_` and `.`, which kombu makes an underscore. */
const PUNCTUATION = /[!-,/:-@[-^`{-~]/g

/**
 * The name that a queue has on SQS, as kombu makes it: prefix and name, a dot becomes a dash, other punctuation an
 * underscore, and the suffix `.fifo` stays.
 */
export function sqsQueueName(queue: string, prefix: string): string {
  const name = prefix + queue
  return isFifo(name) ? `${plain(name.slice(0, -FIFO.length))}${FIFO}` : plain(name)
}

export function isFifo(name: string): boolean {
  return name.endsWith(FIFO)
}

/** Throws for a name that Amazon would refuse, without a call. */
export function requireQueueName(queue: string, name: string): void {
  if (name.length > MOST_CHARACTERS) {
    throw refused(queue, name, `has ${name.length} characters, expected ${MOST_CHARACTERS} at most`)
  }
  if (!ALLOWED.test(name)) {
    throw refused(queue, name, 'may hold letters of ASCII, digits, dashes and underscores only')
  }
}

function plain(name: string): string {
  return name.replaceAll('.', '-').replace(PUNCTUATION, '_')
}

function refused(queue: string, name: string, why: string): BrokerError {
  return new BrokerError(
    'DECLARE_REFUSED',
    `the queue "${queue}" cannot be declared: its name on SQS, "${name}", ${why}`,
  )
}
