/** One competitor of a scenario: `run` does the work once and says how many per second it managed. */
export interface Contender {
  readonly name: string
  run(): Promise<number>
}

export interface Scenario {
  readonly name: string
  /** The contender the others are compared with, and what ours has to reach. */
  readonly baseline: string
  readonly goals: readonly Goal[]
  readonly contenders: readonly Contender[]
  /** Too long for a warm-up, or for several runs. */
  readonly runsOnce?: boolean
  /** What else is worth telling once all have run. */
  notes?(): readonly string[]
  close(): Promise<void>
}

/** `ours` must be at least `atLeast` times as fast as `than`. */
export interface Goal {
  readonly ours: string
  readonly than: string
  readonly atLeast: number
  /** What kept it from being met, where that is not ours: asked only then. */
  readonly limit?: () => string | undefined
}

export interface Row {
  readonly scenario: string
  readonly contender: string
  readonly perSecond: number
  readonly lowest: number
  readonly highest: number
  /** To the baseline. */
  readonly ratio: number
  /** In the order of the runs. */
  readonly rates: readonly number[]
}

/** Runs every contender in turn, `runs` times over, so that what else the machine does hits all alike. */
export async function measure(
  scenario: Scenario,
  runs: number,
  onSample: (contender: string, perSecond: number) => void,
): Promise<readonly Row[]> {
  const samples = new Map<string, number[]>(scenario.contenders.map(({ name }) => [name, []]))
  const counted = scenario.runsOnce === true ? 1 : runs
  // A warm-up, not counted.
  if (scenario.runsOnce !== true) for (const contender of scenario.contenders) await contender.run()
  for (let run = 0; run < counted; run += 1) {
    for (const contender of scenario.contenders) {
      const perSecond = await contender.run()
      samples.get(contender.name)?.push(perSecond)
      onSample(contender.name, perSecond)
    }
  }
  const baseline = samples.get(scenario.baseline) ?? []
  return [...samples].map(([contender, rates]) => ({
    scenario: scenario.name,
    contender,
    perSecond: median(rates),
    lowest: Math.min(...rates),
    highest: Math.max(...rates),
    ratio: medianRatio(rates, baseline),
    rates,
  }))
}

/** Whether the goals of a scenario are met, in words. */
export function verdicts(scenario: Scenario, rows: readonly Row[]): readonly string[] {
  return scenario.goals.map(({ ours, than, atLeast, limit }) => {
    const ratio = medianRatio(ratesOf(rows, ours), ratesOf(rows, than))
    const missed = (): string => limit?.() ?? 'MISSED'
    const verdict = ratio >= atLeast ? 'met' : missed()
    return `${ours}: ${ratio.toFixed(2)} × ${than}, goal ${atLeast} × (${verdict})`
  })
}

/** Run by run: a machine that is slow for some minutes is slow for both. */
function medianRatio(ours: readonly number[], than: readonly number[]): number {
  return median(ours.map((rate, run) => rate / (than[run] ?? Number.NaN)))
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** How many per second, from a count and the time since `startedAt` (performance.now()). */
export function perSecondSince(startedAt: number, count: number): number {
  return count / ((performance.now() - startedAt) / 1_000)
}

function ratesOf(rows: readonly Row[], contender: string): readonly number[] {
  return rows.find((row) => row.contender === contender)?.rates ?? []
}
