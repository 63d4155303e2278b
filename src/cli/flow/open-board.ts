import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import type { Database } from '../../database/database.ts'
import { UsageError } from '../../errors.ts'
import type { Board } from '../../flows/board/board.ts'
import type { ZookeeperBoard } from '../../flows/board/zookeeper/zookeeper-board.ts'
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
    .option('--board <name>', 'its name (default: default), or zookeeper://HOST:2181/taskflow/jobs')
    .option('--database <url>', 'the PostgreSQL database that has the board, or its runs')
    .option('--store <folder>', 'for a board in ZooKeeper: runs are kept in this folder instead')
}

export async function openBoard(config: Config, options: BoardOptions): Promise<OpenedBoard> {
  const { board: name, store: folder } = options
  const isInZookeeper = name?.startsWith(SCHEME) === true
  if (folder !== undefined && !isInZookeeper)
    throw new UsageError(
      `--store goes with --board ${SCHEME}…: a board in PostgreSQL keeps the runs`,
    )
  const database = folder === undefined ? await openDatabaseOf(config, options) : undefined
  try {
    const board = isInZookeeper
      ? await zookeeperBoard(name, { folder, database })
      : await databaseBoard(name, database)
    return {
      board,
      database,
      [Symbol.asyncDispose]: async () => {
        await board.close()
        await database?.close()
      },
    }
  } catch (error) {
    await database?.close()
    throw error
  }
}

const SCHEME = 'zookeeper://'

async function databaseBoard(
  name: string | undefined,
  database: Database | undefined,
): Promise<Board> {
  const { Board } = await import('../../flows/board/board.ts')
  if (database === undefined) throw new UsageError('a board needs a database')
  return new Board(database, name === undefined ? {} : { name })
}

async function zookeeperBoard(
  url: string,
  {
    folder,
    database,
  }: { readonly folder: string | undefined; readonly database: Database | undefined },
): Promise<ZookeeperBoard> {
  const { ZookeeperBoard } = await import('../../flows/board/zookeeper/zookeeper-board.ts')
  const [, hosts = '', path] = /^zookeeper:\/\/([^/]+)(\/.+)?$/.exec(url) ?? []
  if (hosts === '')
    throw new UsageError(
      `the board is "${url}", expected such as zookeeper://127.0.0.1:2181/taskflow/jobs`,
    )
  const board = new ZookeeperBoard({
    hosts,
    store: await storeOf(folder, database),
    ...(path !== undefined && { path }),
  })
  await board.connect()
  return board
}

async function storeOf(folder: string | undefined, database: Database | undefined) {
  if (database !== undefined) {
    const { DatabaseStore } = await import('../../flows/storage/database-store.ts')
    return new DatabaseStore(database)
  }
  const { FileStore } = await import('../../flows/storage/file-store.ts')
  return new FileStore(folder ?? '')
}
