/** What is done about a lost task: noted only, marked as LOST, or marked and published again. */
export type LossPolicy = 'leave' | 'mark' | 'replay'

/** By the name of a task, where `*` stands for anything: `{ 'export.*': 'replay', '*': 'mark' }`. */
export type LossPolicies = Readonly<Record<string, LossPolicy>>

/** The policy of the longest pattern that the name fits, so that their order does not matter; else `mark`. */
export function lossPolicyOf(name: string | null, policies: LossPolicies): LossPolicy {
  const patterns = Object.keys(policies).filter((pattern) => fits(name ?? '', pattern))
  const [closest] = patterns.sort((one, other) => weight(other) - weight(one))
  return (closest === undefined ? undefined : policies[closest]) ?? 'mark'
}

function fits(name: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return name === pattern
  const last = rest.pop() ?? ''
  if (!name.startsWith(first)) return false
  let at = first.length
  for (const part of rest) {
    const found = name.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return name.length - last.length >= at && name.endsWith(last)
}

/** A name without a star says most. */
function weight(pattern: string): number {
  return pattern.includes('*') ? pattern.replaceAll('*', '').length : Number.POSITIVE_INFINITY
}
