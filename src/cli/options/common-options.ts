import { jsonObject, level } from './option-values.ts'

// Options that several commands take, each with one name, one value and one text.

export const DATABASE = ['--database <url>', 'the database, as postgresql://…'] as const
export const JSON_OUTPUT = ['--json', 'print JSON'] as const
export const LOG_LEVEL = [
  '-l, --loglevel <level>',
  'debug, info, warning, error or critical',
  level,
  'info',
] as const
export const DRY_RUN = ['--dry-run', 'show what would be done, and do nothing'] as const
/** Other arguments of a task's recorded or waiting message. */
export const EDIT = [
  '--edit <json>',
  'other arguments: {"args": [...], "kwargs": {...}}',
  jsonObject,
] as const
/** What a flow starts with. */
export const VALUES = [
  '--values <json>',
  'initial values of the flow, as a JSON object',
  jsonObject,
] as const
/** How a graph is drawn; in the terminal without either. */
export const SVG = ['--svg', 'print SVG'] as const
export const MERMAID = ['--mermaid', 'print Mermaid, as Markdown pages show it'] as const
