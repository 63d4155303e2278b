import celery from 'celery-node'
import { onTestFinished } from 'vitest'
import { type Toolbox, useToolbox } from '../../src/celery-node/index.ts'
import type { ConfigOptions } from '../../src/config/config.ts'
import { type Logger, silentLogger } from '../../src/logger.ts'
import { service } from '../support/services.ts'

type Client = ReturnType<typeof celery.createClient> & Toolbox
type Worker = ReturnType<typeof celery.createWorker> & Toolbox

export interface PeerOptions {
  readonly queue?: string
  readonly settings?: Partial<ConfigOptions>
  readonly logger?: Logger
}

const ALONE = { dotenv: false, environment: {} } as const

/** A client of celery.node's with the toolbox behind it; disconnected when the test ends. */
export function nodeClient(url: string, options: PeerOptions = {}): Client {
  const { queue = 'celery', settings, logger = silentLogger } = options
  const client = celery.createClient(url, service('REDIS_URL'), queue)
  const peer = useToolbox(client, { ...ALONE, ...settings }, { logger })
  onTestFinished(() => peer.disconnect())
  return peer
}

/** The same of a worker, which is not started yet. */
export function nodeWorker(url: string, options: PeerOptions = {}): Worker {
  const { queue = 'celery', settings, logger = silentLogger } = options
  const worker = celery.createWorker(url, service('REDIS_URL'), queue)
  const peer = useToolbox(worker, { ...ALONE, ...settings }, { logger })
  onTestFinished(() => peer.disconnect())
  return peer
}
