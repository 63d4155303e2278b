import { expect, test } from 'vitest'
import { CLEAN, runFaults } from './harness/run.ts'
import type { Site } from './harness/services.ts'
import { grown, SoakLog } from './harness/soak.ts'
import type { Targets } from './harness/targets.ts'

/** `npm run test:faults -- --soak --minutes M` is the long form. */
const MINUTES = Number(process.env.FAULTS_MINUTES ?? 6)
const SEED = Number(process.env.FAULTS_FIRST_SEED ?? Date.now() % 1_000_000)

test(
  `the memory and handles of our processes do not grow in ${MINUTES} minutes of the faults of seed ${SEED}`,
  async () => {
    let log: SoakLog | undefined
    const watch = (site: Site): (() => void) => {
      log = new SoakLog(site.folder)
      return watchMinutes(log)
    }
    const found = await runFaults({
      seed: SEED,
      minutes: MINUTES,
      strikes: letsLive,
      watch,
      except: 'python', // its worker hangs after some faults, and thousands of messages wait then
    })
    const { accepted, repeats, struck, ...rest } = found
    console.log(`soak: ${accepted} accepted, ${repeats} repeats, ${struck.length} faults`)
    expect({ ...rest, grown: grown(log?.minutes ?? []) }).toEqual({ ...CLEAN, grown: [] })
  },
  MINUTES * 60_000 + 900_000,
)

/** All but the ends of our own processes: what a process takes is seen in one that lives. */
function letsLive(fault: string, { victims }: Targets): boolean {
  const ours = victims.filter(({ isNode }) => isNode)
  return !ours.some(({ name }) =>
    [`kill -9 of the ${name}`, `SIGTERM of the ${name}`].includes(fault),
  )
}

function watchMinutes(log: SoakLog): () => void {
  const looking = setInterval(() => log.look(), 1_000)
  const telling = setInterval(() => console.log(log.endMinute()), 60_000)
  return () => {
    clearInterval(looking)
    clearInterval(telling)
  }
}
