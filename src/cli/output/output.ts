import { isTerminalColoured } from '../../config/resolve/environment.ts'
import { jsonText } from './json-text.ts'
import { type Column, renderTable } from './table.ts'

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Progress, warnings and errors: on standard error, so that standard output holds the answer alone. */
export function printError(text: string): void {
  process.stderr.write(`${text}\n`)
}

export function printJson(value: unknown): void {
  print(jsonText(value, 2))
}

/** People get tables, programs get JSON: DESIGN's rule for every command that shows data. */
export function wantsJson(options: { readonly json?: boolean }): boolean {
  return options.json === true || process.stdout.isTTY !== true
}

export function isColoured(): boolean {
  return isTerminalColoured(process.stdout.isTTY === true)
}

/** Undefined where there is no terminal, or one that does not know its size, as `script` opens. */
export function terminalWidth(): number | undefined {
  const width = process.stdout.isTTY ? process.stdout.columns : 0
  return width > 0 ? width : undefined
}

/** A table as wide as the terminal, or as wide as it needs to be where there is none. */
export function printTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): void {
  print(renderTable(columns, rows, { width: terminalWidth(), isColoured: isColoured() }))
}

/** `celery-toolbox tasks list | head` is no failure. */
export function endOnBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0)
      throw error
    })
  }
}

/** Resolves once all that was printed is on its way. */
export async function flushed(): Promise<void> {
  await Promise.all(
    [process.stdout, process.stderr].map(
      (stream) => new Promise<void>((resolve) => stream.write('', () => resolve())),
    ),
  )
}
