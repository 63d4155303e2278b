/** What is held open: a number by its name, such as "monitor: Timeout" or "channels". */
export type Held = Readonly<Record<string, number>>

/** A timer or a socket may be there between two turns of something that comes and goes. */
const PASSING = 4

/** Connections and channels are exactly as before; of the rest, a few more may be open just then. */
export function leaksSince(before: Held, now: Held): string[] {
  return Object.entries(now)
    .filter(([name, count]) => count > (before[name] ?? 0) + (name.includes(':') ? PASSING : 0))
    .map(([name, count]) => `${name}: ${before[name] ?? 0} before, ${count} now`)
}
