const PREFIX = 'dlq.'

/** The queue where messages that cannot be used wait for a person. */
export function deadLetterQueue(queue: string): string {
  return `${PREFIX}${queue}`
}

export function isDeadLetterQueue(queue: string): boolean {
  return queue.startsWith(PREFIX)
}

/** The queue whose dead letters they are; a name that is no dead-letter queue's stays as it is. */
export function queueOfDeadLetters(name: string): string {
  return isDeadLetterQueue(name) ? name.slice(PREFIX.length) : name
}
