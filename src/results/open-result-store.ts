import { ResultError } from '../errors.ts'
import { safeUrl } from '../safe-url.ts'
import { DisabledResultStore } from './disabled-store.ts'
import { MemoryResultStore } from './memory-store.ts'
import type { ResultStore } from './result-store.ts'

/** The settings of a `Config` that results need. */
export interface ResultSettings {
  readonly result_backend: string | null
  /** Seconds; null and 0 keep results for ever. */
  readonly result_expires: number | null
}

const KNOWN = '"db+postgresql://…", "memory://", "cache+memory://", "disabled://"'

/** Opens the store that `result_backend` names. */
export async function openResultStore(config: ResultSettings): Promise<ResultStore> {
  const backend = config.result_backend ?? ''
  const scheme = backend.replace(/:\/\/.*$/s, '')
  if (scheme === '' || scheme === 'disabled') return new DisabledResultStore()
  if (scheme === 'memory' || scheme === 'cache+memory') return openMemory(backend, config)
  throw new ResultError(
    'RESULT_BACKEND_UNKNOWN',
    `result_backend is "${safeUrl(backend)}", which is no backend known here: use one of ${KNOWN}`,
  )
}

function openMemory(backend: string, config: ResultSettings): ResultStore {
  const name = backend.replace(/^[^:]*(:\/\/)?/, '').replace(/\/$/, '')
  return new MemoryResultStore({ name, expiresMs: (config.result_expires || Infinity) * 1000 })
}
