import { startNodePod, startPythonPod } from '../../support/pods.ts'
import type { Process } from '../../support/processes.ts'
import { service } from '../../support/services.ts'
import { waitFor } from '../../support/wait-for.ts'
import { openWatchedField, type WatchedField } from '../../support/watched-field.ts'

type Language = 'python' | 'node'

/** The pods of both languages that are replaced, beside one of each that sends no events. */
export interface Field extends WatchedField {
  /** Names of the pods whose tasks were cut off: killed, or stopped cold. */
  readonly killed: Set<string>
  /** The pods of the latest deploy. */
  readonly pods: Record<Language, Pod>
}

export interface Pod {
  readonly name: string
  readonly process: Process
}

/** Those that send no events run from the beginning to the end. */
export const SILENT = new Set(['silent-python@pods', 'silent-node@pods'])

const WITHOUT_API = process.env.DEPLOY_WITHOUT_API === '1'
let deploys = 0

export async function openField(longestS: number): Promise<Field> {
  const watched = await openWatchedField({ shownBy: whatShowsAnEnd(longestS) })
  const { servers, ledger } = watched
  await Promise.all([
    startPythonPod(servers, ledger, { name: 'silent-python@pods' }),
    startNodePod(servers, ledger, { name: 'silent-node@pods', args: [] }),
  ])
  return { ...watched, killed: new Set(), pods: await newPods(watched) }
}

/** The management API, or how long a platform waits for a stop: longer than tasks take. */
function whatShowsAnEnd(longestS: number) {
  return WITHOUT_API
    ? { WARM_STOP_DEADLINE: longestS + 5 }
    : { RABBITMQ_API_URL: service('RABBITMQ_API_URL') }
}

/** Starts pods with new names in the place of those there are; answers the old ones, for the caller to stop. */
export async function deploy(field: Field): Promise<Record<Language, Pod>> {
  const old = { ...field.pods }
  Object.assign(field.pods, await newPods(field))
  return old
}

/** Once it is known what shows that they have ended, as of any pod that lives longer than some seconds. */
async function newPods({
  servers,
  ledger,
  database,
}: WatchedField): Promise<Record<Language, Pod>> {
  deploys += 1
  const names = { python: `python-${deploys}@pods`, node: `node-${deploys}@pods` }
  const [python, node] = await Promise.all([
    startPythonPod(servers, ledger, { name: names.python, args: ['-E'] }),
    startNodePod(servers, ledger, { name: names.node }),
  ])
  await waitFor('the new pods to be known', async () => {
    const known = await database.query(KNOWN, [Object.values(names), WITHOUT_API])
    return known.length === 2
  })
  return {
    python: { name: names.python, process: python },
    node: { name: names.node, process: node },
  }
}

const KNOWN = `SELECT FROM monitor.worker_process
  WHERE hostname = ANY ($1) AND queues IS NOT NULL AND (connection IS NOT NULL OR $2)`
