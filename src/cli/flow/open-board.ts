import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import type { Database } from '../../database/database.ts'
import { UsageError } from '../../errors.ts'
import type { Board } from '../../flows/board/database/board.ts'
import type { ZookeeperBoard } from '../../flows/board/zookeeper/zookeeper-board.ts'
import type { FlowStore } from '../../flows/storage/flow-store.ts'
import { safeUrl } from '../../safe-url.ts'
import { type DatabaseOptions, openDatabaseOf } from '../options/open-database.ts'

export interface BoardOptions extends DatabaseOptions {
  /** A name in PostgreSQL, or zookeeper://HOST:PORT/PATH. */
  readonly board?: string
  /** Where runs of a board in ZooKeeper are kept, in place of the database. */
  readonly store?: string
}

export interface OpenedBoard extends AsyncDisposable {
  readonly board: Board | ZookeeperBoard
  /** Undefined where the runs are kept in files. */
  readonly database: Database | undefined
}

export function withBoard(command: Command): Command {
  return command
    .option(
      '--board <name>',
      'the job board (default: default), or zookeeper://HOST:2181/taskflow/jobs',
    )
    .option('--database <url>', 'the PostgreSQL database that has the board, or its runs')
    .option(
      '--store <folder>',
      'with a board in ZooKeeper: keep runs in this folder, not in PostgreSQL',
    )
}

export async function openBoard(config: Config, options: BoardOptions): Promise<OpenedBoard> {
  const { board: name, store: folder } = options
  if (name?.startsWith(SCHEME)) return await openInZookeeper(placeOf(name), config, options)
  if (folder !== undefined)
    throw new UsageError(
      `--store goes with --board ${SCHEME}…: a board in PostgreSQL keeps the runs`,
    )
  const { Board } = await import('../../flows/board/database/board.ts')
  const database = await openDatabaseOf(config, options)
  try {
    const board = new Board(database, name === undefined ? {} : { name })
    return openedBoard(board, { store: board.store, database })
  } catch (error) {
    await database.close()
    throw error
  }
}

const SCHEME = 'zookeeper://'

interface Place {
  readonly hosts: string
  readonly path?: string
}

/** Without a login, which has no place in it, and which errors of the connection would show. */
export function placeOf(url: string): Place {
  const [, hosts, path] = /^zookeeper:\/\/([^/@]+)(\/.+)?$/.exec(url) ?? []
  if (hosts === undefined)
    throw new UsageError(
      `the board is "${safeUrl(url)}", expected such as zookeeper://127.0.0.1:2181/taskflow/jobs`,
    )
  return path === undefined ? { hosts } : { hosts, path }
}

async function openInZookeeper(
  place: Place,
  config: Config,
  options: BoardOptions,
): Promise<OpenedBoard> {
  const { ZookeeperBoard } = await import('../../flows/board/zookeeper/zookeeper-board.ts')
  const runs = await openRuns(config, options)
  try {
    return openedBoard(await connected(new ZookeeperBoard({ ...place, store: runs.store })), runs)
  } catch (error) {
    await closeRuns(runs)
    throw error
  }
}

async function connected(board: ZookeeperBoard): Promise<ZookeeperBoard> {
  try {
    await board.connect()
    return board
  } catch (error) {
    await board.close()
    throw error
  }
}

/** Where the runs are kept, and the database where that is one. */
interface Runs {
  readonly store: FlowStore
  readonly database: Database | undefined
}

async function openRuns(config: Config, options: BoardOptions): Promise<Runs> {
  if (options.store !== undefined) {
    const { FileStore } = await import('../../flows/storage/file-store.ts')
    return { store: new FileStore(options.store), database: undefined }
  }
  const { DatabaseStore } = await import('../../flows/storage/database-store.ts')
  const database = await openDatabaseOf(config, options)
  return { store: new DatabaseStore(database), database }
}

function openedBoard(board: OpenedBoard['board'], runs: Runs): OpenedBoard {
  return {
    board,
    database: runs.database,
    [Symbol.asyncDispose]: async () => {
      try {
        await board.close()
      } finally {
        await closeRuns(runs)
      }
    },
  }
}

async function closeRuns({ store, database }: Runs): Promise<void> {
  try {
    await store.close()
  } finally {
    await database?.close()
  }
}
