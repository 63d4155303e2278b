import { isRecord } from '../../protocol/field-readers.ts'
import type { SiteConfig } from '../../recipes/site/site-config.ts'
import { refuse } from './refusals.ts'

export interface ListedQueue {
  readonly name: string
  readonly vhost: string
  readonly messages: number
}

const ANSWER_MS = 15_000

/** The queues that RabbitMQ's management API lists, by the site's block `rabbitmqapi`. */
export async function rabbitmqQueues(config: SiteConfig, vhost?: string): Promise<ListedQueue[]> {
  const block = config.block('rabbitmqapi')
  if (block === null) return refuse('the site configuration has no active block "rabbitmqapi"')
  const login = Buffer.from(`${block.username}:${block.password}`).toString('base64')
  const place = vhost === undefined ? 'queues' : `queues/${encodeURIComponent(vhost)}`
  let failure: unknown
  for (const base of String(block.base_url).split(',')) {
    try {
      const answer = await fetch(`${base.trim().replace(/\/$/, '')}/${place}`, {
        headers: { authorization: `Basic ${login}` },
        signal: AbortSignal.timeout(ANSWER_MS),
      })
      if (answer.status === 404 && vhost !== undefined) return []
      if (!answer.ok) throw new Error(`it answered ${answer.status}`)
      return listed(await answer.json())
    } catch (cause) {
      failure = cause
    }
  }
  const reason = failure instanceof Error ? failure.message : String(failure)
  return refuse(`the management API of RabbitMQ cannot be asked: ${reason}`)
}

function listed(answer: unknown): ListedQueue[] {
  if (!Array.isArray(answer)) return []
  return answer.filter(isRecord).map(({ name, vhost, messages }) => ({
    name: String(name),
    vhost: String(vhost),
    messages: Number(messages ?? 0),
  }))
}
