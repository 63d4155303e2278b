import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { service } from './services.ts'
import { createTestDatabase, dropLeftoverDatabases, dropTestDatabase } from './test-databases.ts'

test('a client that stops in the middle of its login does not hold up the drop of a database', {
  timeout: 15_000,
}, async () => {
  const name = await createTestDatabase()
  const silent = await startLogin()
  onTestFinished(async () => {
    silent.destroy()
    await dropTestDatabase(name)
  })
  const started = performance.now()
  await dropTestDatabase(name)
  await dropLeftoverDatabases()
  expect(performance.now() - started).toBeLessThan(10_000)
})

/** Says who it is, and does not answer when it is asked for its password. */
async function startLogin(): Promise<Socket> {
  const { hostname, port, username } = new URL(service('DATABASE_URL'))
  const socket = connect(Number(port || 5432), hostname)
  const names = Buffer.from(`user\0${username}\0database\0postgres\0\0`)
  const header = Buffer.alloc(8)
  header.writeInt32BE(header.length + names.length)
  header.writeInt32BE(PROTOCOL_3, 4)
  socket.write(Buffer.concat([header, names]))
  await once(socket, 'data')
  return socket
}

const PROTOCOL_3 = 3 << 16
