import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { ZookeeperNews } from '../../../src/flows/board/zookeeper/zookeeper-news.ts'
import type { ZookeeperSession } from '../../../src/flows/board/zookeeper/zookeeper-session.ts'

type Watch = (path: string, onChange: () => void) => Promise<void>

function sessionThat(watchChildren: Watch): ZookeeperSession {
  const session = {
    isOver: false,
    ensurePath: async () => undefined,
    watchChildren,
    watchData: async () => undefined,
  }
  return session as unknown as ZookeeperSession // nothing else of it is asked for
}

test('listeners read a board when its watch is set again, so that they miss no change after it', async () => {
  const steps: string[] = []
  const changes: (() => void)[] = []
  const news = new ZookeeperNews('/taskflow/jobs')
  news.listen(() => void steps.push('read'))
  await news.setUp(
    sessionThat(async (_path, onChange) => {
      await turn()
      steps.push('watch')
      changes.push(onChange)
    }),
  )
  changes[0]?.()
  await expect.poll(() => steps).toEqual(['watch', 'watch', 'read'])
})

test('listeners read a board though its watch cannot be set again', async () => {
  const changes: (() => void)[] = []
  const news = new ZookeeperNews('/taskflow/jobs')
  let reads = 0
  news.listen(() => {
    reads += 1
  })
  await news.setUp(
    sessionThat(async (_path, onChange) => {
      if (changes.length > 0) throw new Error('the connection is away')
      changes.push(onChange)
    }),
  )
  changes[0]?.()
  await expect.poll(() => reads).toBe(1)
})
