import { posix } from 'node:path'
import { isRecord } from '../../../protocol/field-readers.ts'
import { encoded } from '../../storage/encoding.ts'
import { EPHEMERAL, type Node, type ZookeeperSession } from './zookeeper-session.ts'

export interface Entity {
  readonly kind: string
  readonly name: string
  readonly metadata: unknown
}

/** The workers of a board: a node for each, which ends with its maker's session. */
export class ZookeeperEntities {
  readonly #folder: string
  readonly #registered = new Map<string, Buffer>()

  constructor(folder: string) {
    this.#folder = folder
  }

  async register(session: ZookeeperSession, entity: Entity): Promise<void> {
    const path = this.#pathOf(entity)
    const data = Buffer.from(encoded(entity))
    this.#registered.set(path, data)
    await make(session, path, data)
  }

  async unregister(session: ZookeeperSession, entity: Entity): Promise<void> {
    const path = this.#pathOf(entity)
    this.#registered.delete(path)
    await session.remove(path)
  }

  /** In a new session. */
  async registerAgain(session: ZookeeperSession): Promise<void> {
    for (const [path, data] of this.#registered) await make(session, path, data)
  }

  async list(session: ZookeeperSession): Promise<Entity[]> {
    const found: Entity[] = []
    for (const kind of await session.children(this.#folder)) {
      for (const name of await session.children(`${this.#folder}/${kind}`)) {
        const node = await session.read(`${this.#folder}/${kind}/${name}`)
        found.push({ kind, name, metadata: metadataOf(node) })
      }
    }
    return found
  }

  #pathOf({ kind, name }: Entity): string {
    return `${this.#folder}/${kind}/${name}`
  }
}

async function make(session: ZookeeperSession, path: string, data: Buffer): Promise<void> {
  await session.ensurePath(posix.dirname(path))
  await session.remove(path) // of a session before, which may not have ended yet
  await session.create(path, data, EPHEMERAL)
}

/** Null where it is gone, or where another program wrote what is not JSON. */
function metadataOf(node: Node | undefined): unknown {
  if (node === undefined) return null
  try {
    const value: unknown = JSON.parse(node.data.toString('utf8'))
    return isRecord(value) ? (value.metadata ?? null) : null
  } catch {
    return null
  }
}
