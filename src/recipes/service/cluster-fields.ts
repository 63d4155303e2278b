import { readFile } from 'node:fs/promises'
import { type RequestOptions, request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { clusterVariable } from '../../config/resolve/environment.ts'

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
const ANSWER_MS = 2000

/** Where the process runs, for status broadcasts: its job of a grid engine, its container. */
export async function clusterFields(): Promise<Readonly<Record<string, unknown>>> {
  return { ...(await gridEngineFields()), ...(await containerFields()) }
}

async function gridEngineFields(): Promise<Readonly<Record<string, unknown>>> {
  const job = clusterVariable('JOB_ID')
  if (job === null) return {}
  const cell = (await cellInSpool()) ?? clusterVariable('SGE_CELL')
  return { cluster_JOB_ID: job, ...(cell !== null && { cluster_SGE_CELL: cell }) }
}

async function cellInSpool(): Promise<string | null> {
  const folder = clusterVariable('SGE_JOB_SPOOL_DIR')
  if (folder === null) return null
  const text = await fileText(join(folder, 'config'))
  return /^(?:default_)?sge_cell=(.*)$/im.exec(text ?? '')?.[1] ?? null
}

/** Asked from the API server with the pod's own account; outside of Kubernetes there is nothing to ask. */
async function containerFields(): Promise<Readonly<Record<string, unknown>>> {
  const host = clusterVariable('KUBERNETES_SERVICE_HOST')
  const [token, space] = await Promise.all([
    fileText(`${ACCOUNT}/token`),
    fileText(`${ACCOUNT}/namespace`),
  ])
  const pod = clusterVariable('HOSTNAME')
  if (host === null || token === null || space === null || pod === null) return {}
  const port = clusterVariable('KUBERNETES_SERVICE_PORT') ?? '443'
  const path = `/api/v1/namespaces/${space.trim()}/pods/${pod}`
  const ca = await fileText(`${ACCOUNT}/ca.crt`)
  try {
    const headers = { authorization: `Bearer ${token.trim()}` }
    const { spec } = JSON.parse(
      await answerOf({ host, port, path, headers, ...(ca && { ca }) }),
    ) as PodAnswer
    const images = (spec?.containers ?? []).map(({ image }) => image)
    return { container_image: images.join(','), container_node: spec?.nodeName ?? null }
  } catch {
    return {} // the account may not ask
  }
}

function answerOf(options: RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...options, timeout: ANSWER_MS }, (response) => {
      text(response).then(resolve, reject)
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer')))
    asked.on('error', reject)
    asked.end()
  })
}

interface PodAnswer {
  readonly spec?: {
    readonly nodeName?: string
    readonly containers?: readonly { readonly image: string }[]
  }
}

async function fileText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch {
    return null // not there
  }
}
