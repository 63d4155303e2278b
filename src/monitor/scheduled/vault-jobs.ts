import type { Broker } from '../../brokers/broker.ts'
import { VaultDispatcher } from '../../schedule/vault-dispatcher.ts'
import { VaultRecorder, type VaultRecorderOptions } from './vault-recorder.ts'

/** What a monitor does for the vault: it records what waits, and publishes what is due. */
export class VaultJobs {
  readonly #recorder: VaultRecorder
  readonly #dispatcher: VaultDispatcher

  constructor(options: VaultRecorderOptions & { readonly broker: Pick<Broker, 'publish'> }) {
    this.#recorder = new VaultRecorder(options)
    this.#dispatcher = new VaultDispatcher(options)
  }

  async start(): Promise<void> {
    await this.#recorder.start()
    await this.#dispatcher.start()
  }

  async stop(): Promise<void> {
    await Promise.all([this.#recorder.stop(), this.#dispatcher.stop()])
  }
}
