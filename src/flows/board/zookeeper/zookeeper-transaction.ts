import type { Transaction } from 'node-zookeeper-client'

/** Changes that are all made, or none of them. */
export class ZookeeperTransaction {
  readonly #transaction: Transaction

  constructor(transaction: Transaction) {
    this.#transaction = transaction
  }

  create(path: string, data: Buffer, mode: number): this {
    this.#transaction.create(path, data, mode)
    return this
  }

  check(path: string, version: number): this {
    this.#transaction.check(path, version)
    return this.#ofVersion(version)
  }

  setData(path: string, data: Buffer, version: number): this {
    this.#transaction.setData(path, data, version)
    return this.#ofVersion(version)
  }

  remove(path: string, version: number): this {
    this.#transaction.remove(path, version)
    return this.#ofVersion(version)
  }

  /** The client takes 0, the version of a node that was never changed, for "any": it is written into the operation. */
  #ofVersion(version: number): this {
    const { ops } = this.#transaction as unknown as { ops: { version: number }[] } // its types lack the list
    const last = ops.at(-1)
    if (last !== undefined) last.version = version
    return this
  }
}
