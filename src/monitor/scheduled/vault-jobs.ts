import type { Broker } from '../../brokers/broker.ts'
import type { Service } from '../../lifecycle/service.ts'
import { vaultDispatcher } from '../../schedule/vault-dispatcher.ts'
import { type VaultRecorderOptions, vaultRecorder } from './vault-recorder.ts'

/** What a monitor does for the vault: it records what waits, and publishes what is due. */
export function vaultJobs(
  options: VaultRecorderOptions & { readonly broker: Pick<Broker, 'publish'> },
): readonly Service[] {
  return [vaultRecorder(options), vaultDispatcher(options)]
}
