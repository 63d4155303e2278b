// The variables that `scripts/services up` wrote down, for programs that are started after it.
import { readEnvFile } from './servers/state.mjs'

/** This process's environment over what was written down. */
export function servicesEnv() {
  return { ...readEnvFile(), ...process.env }
}
