import { Redis } from 'ioredis'
import type { CeleryApp, TaskContext, TaskRequest } from '../../../src/index.ts'
import type { Args, Declare } from './declare.ts'
import { sumOf } from './plain.ts'

const { REDIS_HOST = 'localhost', REDIS_PORT = '6379' } = process.env
const MODULE = 't.integration.tasks'
let connection: Redis | undefined

/** Where tasks leave their marks and tests look for them: the first database of that Redis. */
function redis(): Redis {
  connection ??= new Redis({ host: REDIS_HOST, port: Number(REDIS_PORT), maxRetriesPerRequest: 2 })
  return connection
}

export function addRedisTasks(app: CeleryApp, declare: Declare): void {
  declare('redis_echo', async (_self, [message, key]) => echo(message, key), {
    params: ['message', 'redis_key'],
  })
  declare('redis_echo_group_id', async (self, args) => echoGroup(self, args), {
    params: ['_', 'redis_key'],
  })
  declare('redis_count', async (_self, [key]) => count(key), { params: ['redis_key'] })
  declare('sum_and_record', async (self, args) => sumAndRecord(self, args), {
    params: ['values', 'redis_key'],
  })
  addErrbacks(app)
}

/** Not bound, as the number of an errback's parameters says how it is called. */
function addErrbacks(app: CeleryApp): void {
  app.task(`${MODULE}.errback_old_style`, async (id: string) => {
    await count(id)
    return id
  })
  app.task(
    `${MODULE}.errback_new_style`,
    async ({ id }: TaskRequest, _error: unknown, _traceback: string) => {
      await count(id)
      return id
    },
  )
  app.task(
    `${MODULE}.errback_old_style_with_args`,
    { params: ['request_id', 'label'] },
    async (id: string, label: string) => echo(label, id),
  )
  app.task(
    `${MODULE}.errback_new_style_with_args`,
    { params: ['request', 'exc', 'tb', 'label'] },
    async ({ id }: TaskRequest, _error: unknown, _traceback: string, label: string) =>
      echo(label, id),
  )
}

export async function echo(message: unknown, key: unknown = 'redis-echo'): Promise<null> {
  const isText = typeof message === 'string' || message instanceof Buffer
  await redis().rpush(String(key), isText ? message : JSON.stringify(message))
  return null
}

async function count(key: unknown = 'redis-count'): Promise<null> {
  await redis().incr(String(key))
  return null
}

async function echoGroup(
  { request }: TaskContext,
  [, key = 'redis-group-ids']: Args,
): Promise<null> {
  await redis().rpush(String(key), String(request.group))
  return null
}

async function sumAndRecord({ request }: TaskContext, [values, key]: Args): Promise<unknown> {
  const sum = sumOf(values)
  await redis().rpush(String(key), request.id)
  return sum
}
