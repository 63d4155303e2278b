import type { Broker } from '../../brokers/broker.ts'
import type { Config } from '../../config/config.ts'
import { isPostgresUrl } from '../../config/result-backend.ts'
import type { Database } from '../../database/database.ts'
import { openDatabase } from '../../database/open-database.ts'
import { ConfigError } from '../../errors.ts'
import type { Service } from '../../lifecycle/service.ts'
import type { Logger } from '../../logger.ts'
import type { Message, Route } from '../../protocol/message.ts'
import { parseIso } from '../../protocol/times.ts'
import { safeUrl } from '../../safe-url.ts'
import { Vault } from '../../schedule/vault.ts'
import { vaultDispatcher } from '../../schedule/vault-dispatcher.ts'

export interface DatedMessage {
  readonly taskId: string
  readonly name: string
  readonly eta: string | null | undefined
  readonly message: Message
  /** Where it goes once it is due. */
  readonly route: Route
}

type VaultSettings = Pick<Config, 'ETA_VAULT' | 'result_backend' | 'task_always_eager'>

/** What is due sooner is as well off on its way. */
const LEAST_WAIT_MS = 1000

/** The vault of an app, where ETA_VAULT asks for one; its database is opened when it is first needed. */
export class AppVault {
  readonly #config: VaultSettings
  readonly #logger: () => Logger
  #opened: Promise<Database> | undefined

  constructor(config: VaultSettings, logger: () => Logger) {
    this.#config = config
    this.#logger = logger
  }

  get isWanted(): boolean {
    return this.#config.ETA_VAULT !== false && !this.#config.task_always_eager
  }

  /** Undefined where it is not wanted. */
  async open(): Promise<Vault | undefined> {
    return this.isWanted ? new Vault(await this.#database()) : undefined
  }

  /** True once the vault has it; false where there is no vault, or nothing to wait for. */
  async hold({ eta, ...waiting }: DatedMessage): Promise<boolean> {
    if (!this.isWanted || eta === null || eta === undefined) return false
    const dueAt = parseIso(eta)
    if (dueAt.getTime() - Date.now() < LEAST_WAIT_MS) return false
    await (await this.open())?.hold({ ...waiting, dueAt })
    return true
  }

  /** Undefined where no vault is wanted. */
  async dispatcher(broker: Pick<Broker, 'publish'>): Promise<Service | undefined> {
    if (!this.isWanted) return undefined
    return vaultDispatcher({ database: await this.#database(), broker, logger: this.#logger() })
  }

  async close(): Promise<void> {
    await (await this.#opened?.catch(() => undefined))?.close()
  }

  async #database(): Promise<Database> {
    const url = vaultUrl(this.#config)
    this.#opened ??= openDatabase({ url, poolSize: 4, logger: this.#logger() })
    try {
      return await this.#opened
    } catch (error) {
      this.#opened = undefined
      throw error
    }
  }
}

function vaultUrl({
  ETA_VAULT: wanted,
  result_backend: backend,
}: Pick<Config, 'ETA_VAULT' | 'result_backend'>): string {
  const url = typeof wanted === 'string' ? wanted : (backend ?? '')
  if (isPostgresUrl(url)) return url
  throw new ConfigError([
    typeof wanted === 'string'
      ? `ETA_VAULT is "${safeUrl(wanted)}", expected True, False or a url such as postgresql://…`
      : `ETA_VAULT is True and result_backend is "${safeUrl(url)}", expected db+postgresql://…; or give ETA_VAULT a url`,
  ])
}
