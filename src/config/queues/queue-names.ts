import { printedShort } from '../printed.ts'

const LONGEST_BYTES = 255

/** What is wrong with the names of the work queues and of the platform queue. */
export function queueNameProblems(queues: readonly string[], platformQueue: string): string[] {
  if (queues.length === 0) return ['QUEUES: [] names no queue, expected at least one']
  const seen = new Set<string>()
  const problems = queues.flatMap((name) => {
    const isRepeated = seen.has(name)
    seen.add(name)
    return nameProblems('QUEUES', name, platformQueue, isRepeated)
  })
  return [...problems, ...lengthProblems('PLATFORM_QUEUE_NAME', platformQueue)]
}

function nameProblems(
  setting: string,
  name: string,
  platformQueue: string,
  isRepeated: boolean,
): string[] {
  if (name.trim() === '')
    return [`${setting}: ${printedShort(name)} is not a name, expected non-empty text`]
  if (isRepeated)
    return [`${setting}: ${printedShort(name)} is there twice, expected each name once`]
  if (name === platformQueue) {
    return [`${setting}: ${printedShort(name)} is the platform queue, expected work queues only`]
  }
  if (name.split('.').some((word) => word === '*' || word === '#')) {
    return [
      `${setting}: ${printedShort(name)} has a wildcard, which would take tasks of other queues`,
    ]
  }
  return lengthProblems(setting, name)
}

function lengthProblems(setting: string, name: string): string[] {
  const bytes = Buffer.byteLength(name)
  if (bytes <= LONGEST_BYTES) return []
  return [
    `${setting}: ${printedShort(name)} is ${bytes} bytes long, expected ${LONGEST_BYTES} at most`,
  ]
}
