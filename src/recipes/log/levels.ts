const NUMBERS: Readonly<Record<string, number>> = {
  NOTSET: 0,
  DEBUG: 10,
  INFO: 20,
  WARN: 30,
  WARNING: 30,
  ERROR: 40,
  FATAL: 50,
  CRITICAL: 50,
}

/** Python's number of a level: its name, or a number as text. */
export function levelNumber(level: string): number {
  return NUMBERS[level] ?? (Number.isFinite(Number(level)) ? Number(level) : 30)
}

/** Python's name of a level. */
export function levelName(level: number): string {
  const names = ['NOTSET', 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL']
  return level % 10 === 0 ? (names[level / 10] ?? `Level ${level}`) : `Level ${level}`
}
