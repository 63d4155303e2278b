import { expect, test } from 'vitest'
import { mirrorRecordOf } from '../../../src/monitor/mirror/mirror-record.ts'
import { WorkQueues } from '../../../src/monitor/mirror/work-queues.ts'
import { writeMessages } from '../../../src/monitor/mirror/write-messages.ts'
import { sorted } from '../../support/sorted.ts'
import { config, delivery, EXPORT, message } from '../messages.ts'
import { openPlace } from '../monitored.ts'

const queues = new WorkQueues(config.topology(), config.platformQueue)

const JOINS = ['nestloop', 'hashjoin', 'mergejoin']

test.each(JOINS)(
  'messages that are delivered again are locked in the order of their digests, by a %s too',
  async (join) => {
    const { database } = await openPlace()
    const again = await Promise.all(
      Array.from({ length: 200 }, async () =>
        mirrorRecordOf({ ...delivery(message(), EXPORT), redelivered: true }, queues),
      ),
    )
    await database.transaction(async (connection) => {
      for (const other of JOINS.filter((name) => name !== join))
        await connection.query(`SET LOCAL enable_${other} = off`)
      await writeMessages(connection, again)
    })
    const rows = await database.query<{ digest: string }>(
      "SELECT encode(digest, 'hex') AS digest FROM monitor.message ORDER BY ctid",
    )
    const digests = rows.map(({ digest }) => digest)
    expect(digests).toHaveLength(200)
    expect(digests).toEqual(sorted(digests))
  },
)
