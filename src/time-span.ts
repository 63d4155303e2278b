const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

const SPAN = /^(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+$/
const PART = /(\d+(?:\.\d+)?)(ms|[smhdw])/g

/** "90s", "2h", "1h30m" as milliseconds; undefined where the text is no such span. */
export function timeSpanMs(text: string): number | undefined {
  if (!SPAN.test(text)) return undefined
  let total = 0
  for (const [, amount = '', unit = ''] of text.matchAll(PART)) {
    total += Number(amount) * (UNIT_MS[unit] ?? 0)
  }
  return total
}
