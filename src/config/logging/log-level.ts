/** The levels of the log by all names they have: pino's and Python's. */
const LEVELS: ReadonlyMap<string, LogLevel> = new Map<string, LogLevel>([
  ['debug', 'debug'],
  ['info', 'info'],
  ['warn', 'warn'],
  ['warning', 'warn'],
  ['error', 'error'],
  ['critical', 'error'],
  ['fatal', 'error'],
])

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** The level that a name such as WARNING stands for. */
export function logLevel(name: string): LogLevel {
  const level = LEVELS.get(name.toLowerCase())
  if (level !== undefined) return level
  throw new RangeError(
    `log level "${name}" is unknown, expected one of ${[...LEVELS.keys()].join(', ')}`,
  )
}
