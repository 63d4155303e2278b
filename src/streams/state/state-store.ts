/** Keeps the state of an operator over a restart. `save` resolves once it is safe. */
export interface StateStore {
  load(key: string): Promise<unknown>
  save(key: string, state: unknown): Promise<void>
}
