import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Board, Conductor, linear, task } from 'celery-toolbox/flows'
import { migrateUp, openDatabase } from 'celery-toolbox/monitor'
import { openPlace, runPeer } from './environment.ts'
import { perSecondSince, type Scenario } from './measure.ts'

const JOBS = 1_000
const JAR = '/usr/share/java/zookeeper.jar'
const PORT = 21810

/** A thousand jobs of one step, posted and run: ours with each transition in PostgreSQL, TaskFlow's with its runs in memory. */
export async function boardScenario(): Promise<Scenario> {
  const place = await openPlace()
  await migrateUp(place.databaseUrl)
  const database = await openDatabase({ url: place.databaseUrl })
  const zookeeper = await startZookeeper()
  return {
    name: 'flows-board',
    baseline: 'TaskFlow, ZooKeeper and memory',
    goals: [
      { ours: 'celery-toolbox, PostgreSQL', than: 'TaskFlow, ZooKeeper and memory', atLeast: 3 },
    ],
    runsOnce: true,
    contenders: [
      {
        name: 'TaskFlow, ZooKeeper and memory',
        run: async () => {
          const args = [`127.0.0.1:${PORT}`, String(JOBS)]
          return Number(await runPeer('taskflow_board_peer.py', args, place, 'PYTHON_TASKFLOW'))
        },
      },
      { name: 'celery-toolbox, PostgreSQL', run: async () => await runOurs(new Board(database)) },
    ],
    close: async () => {
      await zookeeper.stop()
      await database.close()
      await place.close()
    },
  }
}

async function runOurs(board: Board): Promise<number> {
  const bench = linear('bench', {}, [task('step', { execute: () => 1 })])
  const startedAt = performance.now()
  for (let posted = 0; posted < JOBS; posted += 1) await board.post(bench)
  const conductor = new Conductor(board, { flows: { bench }, maxSimultaneousJobs: 20 })
  let done = 0
  conductor.on(({ type }) => {
    if (type === 'job_consumed') done += 1
  })
  await conductor.start()
  while (done < JOBS) await sleep(5)
  const rate = perSecondSince(startedAt, JOBS)
  await conductor.stop()
  return rate
}

async function startZookeeper(): Promise<{ stop(): Promise<void> }> {
  if (!existsSync(JAR)) throw new Error('this scenario needs ZooKeeper: apt-get install zookeeper')
  const folder = await mkdtemp(join(tmpdir(), 'zookeeper-'))
  const lines = [
    'tickTime=2000',
    `dataDir=${folder}/data`,
    `clientPort=${PORT}`,
    'clientPortAddress=127.0.0.1',
    'admin.enableServer=false',
    '4lw.commands.whitelist=envi,srvr',
  ]
  await writeFile(join(folder, 'zoo.cfg'), lines.join('\n'))
  const path = ['/etc/zookeeper/conf', JAR, '/usr/share/java/*'].join(':')
  const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain'
  const server: ChildProcess = spawn('java', ['-cp', path, main, join(folder, 'zoo.cfg')], {
    stdio: 'ignore',
    cwd: folder,
  })
  await sleep(3_000)
  return {
    stop: async () => {
      server.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
