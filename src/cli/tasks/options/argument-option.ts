import { InvalidArgumentError } from 'commander'
import { decodeJson } from '../../../codecs/json/json.ts'
import type { ArgumentFilter } from '../../../monitor/queries/argument-filter.ts'

/** One `path=value`; repeated, they gather. The value is JSON, or else the text it is: abc, 5, "5", true, {"a": 1}. */
export function argument(
  text: string,
  gathered: readonly ArgumentFilter[] = [],
): readonly ArgumentFilter[] {
  const at = text.indexOf('=')
  if (at <= 0) throw new InvalidArgumentError('Expected path=value, such as slug=abc or 0=5.')
  return [...gathered, { path: text.slice(0, at), ...readValue(text.slice(at + 1)) }]
}

/** Numbers are not quoted on the command line: 5 is the text "5" as well. */
function readValue(text: string): Pick<ArgumentFilter, 'value' | 'text'> {
  try {
    const value = decodeJson(text)
    return typeof value === 'object' || typeof value === 'string' ? { value } : { value, text }
  } catch {
    return { value: text }
  }
}
