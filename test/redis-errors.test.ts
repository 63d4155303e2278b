import { createServer, type Socket } from 'node:net'
import { inspect } from 'node:util'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { RedisConnection } from '../src/results/redis/connecting/connection.ts'
import { connectRedis } from '../src/streams/links/redis/connection.ts'

const PASSWORD = 's3cret'

/** Answers each command with WRONGPASS, as a Redis with another password does. */
async function refusingRedis(): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (data) => {
      const commands = data.toString().match(/^\*\d+\r$/gm)?.length ?? 0
      socket.write(
        '-WRONGPASS invalid username-password pair or user is disabled.\r\n'.repeat(commands),
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return `redis://:${PASSWORD}@127.0.0.1:${port}/0`
}

function loggedBy() {
  const lines: string[] = []
  return { lines, logger: pino({ level: 'debug' }, { write: (line) => void lines.push(line) }) }
}

test('where Redis refuses the password, neither log nor error shows the password or the arguments of commands', async () => {
  const { lines, logger } = loggedBy()
  const url = await refusingRedis()
  const connection = await RedisConnection.open({ url, logger, deadlineMs: 300 })
  onTestFinished(() => connection.close())
  const errors: unknown[] = []
  await connection
    .run((redis) => redis.set('key', 'value of a task'))
    .catch((error) => errors.push(error))
  await connection
    .subscriber()
    .get('value of a task')
    .catch((error) => errors.push(error))
  await connectRedis(url, { log: logger, signal: new AbortController().signal }).catch((error) =>
    errors.push(error),
  )
  expect(errors).toHaveLength(3)
  expect(lines.join()).toContain('WRONGPASS')
  expect(`${lines.join()}${inspect(errors, { depth: 9, showHidden: true })}`).not.toMatch(
    new RegExp(`${PASSWORD}|value of a task`),
  )
})
