import type { ResultText } from '../result-text.ts'
import { groupTuple, memberIdsOf, unreadableGroup } from '../saved-group.ts'
import type { RedisConnection } from './connecting/connection.ts'
import type { RedisKeys } from './keys.ts'

interface RedisGroupsOptions {
  readonly connection: RedisConnection
  readonly keys: RedisKeys
  readonly text: ResultText
  /** 0 is for ever. */
  readonly resultSeconds: number
}

/** Groups that were saved, by Python or here. */
export class RedisGroups {
  readonly #options: RedisGroupsOptions

  constructor(options: RedisGroupsOptions) {
    this.#options = options
  }

  async save(groupId: string, memberIds: readonly string[]): Promise<void> {
    const { connection, keys, text, resultSeconds } = this.#options
    const encoded = text.encodeValue({ result: groupTuple(groupId, memberIds) })
    const [key, bytes] = [keys.group(groupId), await text.compress(encoded)]
    await connection.run(async (redis) => {
      await (resultSeconds > 0 ? redis.setex(key, resultSeconds, bytes) : redis.set(key, bytes))
    })
  }

  async restore(groupId: string): Promise<readonly string[] | null> {
    const { connection, keys, text } = this.#options
    const bytes = await connection.run((redis) => redis.getBuffer(keys.group(groupId)))
    if (bytes === null) return null
    const memberIds = memberIdsOf(await savedResult(bytes, text))
    if (memberIds === null) throw unreadableGroup(groupId)
    return memberIds
  }

  async forget(groupId: string): Promise<void> {
    const { connection, keys } = this.#options
    await connection.run((redis) => redis.del(keys.group(groupId)))
  }
}

/** Undefined where it is no saved group; the caller says which. */
async function savedResult(bytes: Buffer, text: ResultText): Promise<unknown> {
  try {
    const saved = await text.decodeValue(bytes)
    return (saved as { readonly result?: unknown } | null)?.result
  } catch {
    return undefined
  }
}
