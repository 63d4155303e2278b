import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ZookeeperBoard } from '../../../src/flows/board/zookeeper/zookeeper-board.ts'
import { FileStore } from '../../../src/flows/storage/file-store.ts'
import { freshServers } from '../../support/live-app.ts'
import { runCli, startCli } from '../../support/processes.ts'
import { startPythonWorker } from '../../support/python-celery.ts'
import { PROJECT } from '../../support/services.ts'
import { waitFor } from '../../support/wait-for.ts'
import { hasZookeeper, startZookeeper } from '../../support/zookeeper.ts'
import { folder } from '../kills/kills.ts'

const EXAMPLES = join(PROJECT, 'examples/flows')

test.skipIf(!hasZookeeper)(
  'the commands post, run and show a flow with a remote step on a board in ZooKeeper, and run it again from a step',
  { timeout: 120_000 },
  async () => {
    const [hosts, servers, store] = await Promise.all([startZookeeper(), freshServers(), folder()])
    await startPythonWorker({ env: servers.env, queues: ['python'] })
    const env = { ...servers.env, RESULT_BACKEND: `db+${servers.databaseUrl}` }
    const board = ['--board', `zookeeper://${hosts}/taskflow/jobs`, '--store', store]
    const flow = async (...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await runCli(['flow', ...args, ...board], { env })
      expect([stderr, code]).toEqual(['', 0])
      return stdout
    }
    const values = JSON.stringify({ path: '/in/1' })
    const id = (await flow('post', join(EXAMPLES, 'weigh.yaml'), '--values', values)).trim()
    expect(JSON.parse(await flow('list'))).toMatchObject([{ flowId: id, state: 'UNCLAIMED' }])
    const conductor = startCli(['-A', join(EXAMPLES, 'app.ts'), 'conductor', ...board], { env })
    await conductor.waitForLine(/conductor ready on board "\/taskflow\/jobs"/)
    const seen = new ZookeeperBoard({ hosts, store: new FileStore(store) })
    onTestFinished(() => seen.close())
    expect(await seen.waitForJob(id, { timeoutMs: 60_000 })).toBe(true)
    const shown = JSON.parse(await flow('show', id))
    expect(shown.flow.state).toBe('SUCCESS')
    expect(shown.tree).toBe('├─ copy  SUCCESS\n└─ total  SUCCESS')
    const totalOf = async (): Promise<unknown> =>
      (await seen.store.load(id))?.atoms.find(({ name }) => name === 'total')?.results
    expect(await totalOf()).toBe(105)

    await flow('resume', id, '--from', 'total', '--values', '{"bytes": 7}')
    await waitFor('the other total', async () => (await totalOf()) === 107)
    expect(await seen.waitForJob(id, { timeoutMs: 60_000 })).toBe(true)
    await conductor.stop()
  },
)
