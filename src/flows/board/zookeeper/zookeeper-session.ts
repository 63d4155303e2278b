import type { Client, Exception, Stat } from 'node-zookeeper-client'
import { withDeadline } from '../../../async/with-deadline.ts'
import { JobFailure } from '../board-errors.ts'
import { ZookeeperTransaction } from './zookeeper-transaction.ts'

export interface Node {
  readonly data: Buffer
  readonly version: number
  /** The transaction that made it: no two nodes have the same, and a later one has a greater. */
  readonly madeBy: number
  readonly createdAt: Date
  readonly modifiedAt: Date
}

type Callback<T> = (error: Error | Exception | null, value: T, stat?: Stat) => void

const CONNECT_WITHIN_MS = 15_000

/** One session with ZooKeeper: what is ephemeral in it ends with it. */
export class ZookeeperSession {
  readonly #client: Client
  readonly #deadlineMs: number
  #isOver = false

  private constructor(client: Client, deadlineMs: number) {
    this.#client = client
    this.#deadlineMs = deadlineMs
    client.on('expired', () => {
      this.#isOver = true
    })
  }

  /** `hosts` is a list such as "127.0.0.1:2181,…". */
  static async open(hosts: string, sessionMs: number): Promise<ZookeeperSession> {
    const { createClient } = await loadClient()
    const client = createClient(hosts, { sessionTimeout: sessionMs, spinDelay: 250 })
    const connected = new Promise<void>((resolve) => client.once('connected', resolve))
    client.connect()
    try {
      await withDeadline(
        connected,
        CONNECT_WITHIN_MS,
        () => new JobFailure(`no ZooKeeper at ${hosts}`),
      )
    } catch (error) {
      client.close()
      throw error
    }
    return new ZookeeperSession(client, sessionMs)
  }

  /** The server has given it up, or we have: another is needed. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** How long the server waits for a sign of this session. */
  get timeoutMs(): number {
    return this.#client.getSessionTimeout()
  }

  async read(path: string): Promise<Node | undefined> {
    return await this.#unlessGone(async () => {
      const [data, stat] = await this.#ask<Buffer>((done) => this.#client.getData(path, done))
      return stat && nodeOf(data, stat)
    })
  }

  async children(path: string): Promise<readonly string[]> {
    const found = await this.#unlessGone(
      async () => await this.#ask<string[]>((done) => this.#client.getChildren(path, done)),
    )
    return found?.[0] ?? []
  }

  /** Calls back once, when a child has come or gone. */
  async watchChildren(path: string, onChange: () => void): Promise<void> {
    await this.#ask<string[]>((done) => this.#client.getChildren(path, onChange, done))
  }

  /** Calls back once, when the node was written. */
  async watchData(path: string, onChange: () => void): Promise<void> {
    await this.#ask<Buffer>((done) => this.#client.getData(path, onChange, done))
  }

  /** Answers the path, which has a number behind it where the mode is sequential. */
  async create(path: string, data: Buffer, mode: number): Promise<string> {
    const [made] = await this.#ask<string>((done) => this.#client.create(path, data, mode, done))
    return made
  }

  async ensurePath(path: string): Promise<void> {
    await this.#ask<string>((done) => this.#client.mkdirp(path, done))
  }

  async write(path: string, data: Buffer, version: number): Promise<void> {
    await this.#ask<Stat>((done) => this.#client.setData(path, data, version, done as never))
  }

  async remove(path: string): Promise<void> {
    await this.#unlessGone(
      async () => await this.#ask((done) => this.#client.remove(path, done as never)),
    )
  }

  /** Removes an ephemeral node that this session has made with this data; that of another stays. */
  async removeOwn(path: string, data: Buffer): Promise<void> {
    const found = await this.#unlessGone(
      async () => await this.#ask<Buffer>((done) => this.#client.getData(path, done)),
    )
    const [held, stat] = found ?? []
    const isOwn = stat?.ephemeralOwner.equals(this.#client.getSessionId()) && held?.equals(data)
    if (isOwn === true) await this.remove(path)
  }

  /** All of it, or nothing. */
  async commit(build: (transaction: ZookeeperTransaction) => unknown): Promise<void> {
    const transaction = this.#client.transaction()
    build(new ZookeeperTransaction(transaction))
    await this.#ask((done) => transaction.commit(done as never))
  }

  close(): void {
    this.#isOver = true
    this.#client.close()
  }

  async #unlessGone<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask()
    } catch (error) {
      if (isCode(error, 'NO_NODE')) return undefined
      throw error
    }
  }

  /** While the connection is away the client keeps requests: callers wait for them no longer than for a session. */
  async #ask<T>(start: (done: Callback<T>) => void): Promise<[T, Stat | undefined]> {
    if (this.#isOver) throw new JobFailure('the session with ZooKeeper is over')
    const answer = new Promise<[T, Stat | undefined]>((resolve, reject) => {
      start((error, value, stat) => {
        if (error) reject(error)
        else resolve([value, stat])
      })
    })
    return await withDeadline(
      answer,
      this.#deadlineMs,
      () => new JobFailure(`ZooKeeper has not answered within ${this.#deadlineMs} ms`),
    )
  }
}

/** Modes of nodes, as ZooKeeper numbers them. */
export const PERSISTENT = 0
export const EPHEMERAL = 1
export const PERSISTENT_SEQUENTIAL = 2

function isCode(error: unknown, ...names: readonly (keyof typeof CODES)[]): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  return names.some((name) => error.code === CODES[name])
}

/** Another changed it in between. */
export function isConflict(error: unknown): boolean {
  return isCode(error, 'NODE_EXISTS', 'NO_NODE', 'BAD_VERSION')
}

/** Whether the server has done what was asked is not known. */
export function isConnectionLost(error: unknown): boolean {
  return isCode(error, 'CONNECTION_LOSS')
}

const CODES = { CONNECTION_LOSS: -4, NO_NODE: -101, BAD_VERSION: -103, NODE_EXISTS: -110 } as const

function nodeOf(data: Buffer | undefined, stat: Stat): Node {
  return {
    data: data ?? Buffer.alloc(0),
    version: stat.version,
    madeBy: Number(stat.czxid.readBigInt64BE()),
    createdAt: new Date(Number(stat.ctime.readBigInt64BE())),
    modifiedAt: new Date(Number(stat.mtime.readBigInt64BE())),
  }
}

async function loadClient(): Promise<typeof import('node-zookeeper-client')> {
  try {
    const { default: client } = (await import('node-zookeeper-client')) as unknown as {
      default: typeof import('node-zookeeper-client') // it is CommonJS
    }
    return client
  } catch (cause) {
    throw new JobFailure(
      'a board in ZooKeeper needs the package node-zookeeper-client: npm install node-zookeeper-client',
      { cause },
    )
  }
}
