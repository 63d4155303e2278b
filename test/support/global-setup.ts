import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'
import { migrateUp } from '../../src/database/migrate.ts'
import { build, outputOf } from './global-build.ts'
import { evaluate } from './rabbitmqctl.ts'
import { PROJECT, service } from './services.ts'
import {
  createTestDatabase,
  databaseUrl,
  dropLeftoverDatabases,
  dropTestDatabase,
} from './test-databases.ts'
import { VhostPool } from './vhost-pool.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A database with all our tables, to be copied: quicker than to run every migration for each test. */
    readonly migratedTemplate: string
    /** Where virtual hosts are to be had; see vhost-pool.ts. */
    readonly vhostPool: string
  }
}

const execute = promisify(execFile)

/** Before the live tests: what they start as processes is built, the servers are there, and clean of earlier runs. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await build()
  await requireServers()
  await dropLeftoverDatabases()
  const template = await createTestDatabase()
  await migrateUp(databaseUrl(template))
  project.provide('migratedTemplate', template)
  const pool = new VhostPool(evaluate, userOf(service('AMQP_URL')))
  project.provide('vhostPool', await pool.start())
  return async () => {
    await Promise.all([pool.stop(), dropTestDatabase(template)])
  }
}

function userOf(url: string): string {
  return decodeURIComponent(new URL(url).username) || 'guest'
}

async function requireServers(): Promise<void> {
  try {
    await execute(join(PROJECT, 'scripts/services'), ['status'])
  } catch (cause) {
    throw new Error(`live tests need servers: run "scripts/services up"\n${outputOf(cause)}`, {
      cause,
    })
  }
}
