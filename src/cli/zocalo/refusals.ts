import { printError } from '../output/output.ts'

/** What Zocalo's commands end with themselves: a sentence on standard error, exit code 1. */
class Refused extends Error {}

export function refuse(sentence: string): never {
  throw new Refused(sentence)
}

/** Also what a user mends on the command line is 1 here, as scripts expect it of these commands. */
export async function withRefusals(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    printError(error.message)
    process.exitCode = 1
  }
}
