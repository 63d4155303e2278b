// Does a server answer, with our credentials? Each resolves or throws.
import { once } from 'node:events'
import { connect } from 'node:net'

const TIMEOUT_MS = 3000

export async function probeRabbitmq(url) {
  const { connect: open } = await import('amqplib')
  const connection = await open(url, { timeout: TIMEOUT_MS, noDelay: true })
  connection.on('error', () => undefined) // close() below reports what matters
  await connection.close()
}

export async function probePostgres(url) {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: TIMEOUT_MS })
  await client.connect()
  try {
    await client.query('select 1')
  } finally {
    await client.end()
  }
}

export async function probeRedis(url) {
  const { hostname, port, username, password } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port || 6379), timeout: TIMEOUT_MS })
  socket.once('timeout', () => socket.destroy(new Error(`no answer in ${TIMEOUT_MS} ms`)))
  try {
    await once(socket, 'connect')
    const secrets = [username, password].filter(Boolean).map(decodeURIComponent)
    if (password) await ask(socket, `AUTH ${secrets.join(' ')}`, '+OK')
    await ask(socket, 'PING', '+PONG')
  } finally {
    socket.destroy()
  }
}

async function ask(socket, command, expected) {
  socket.write(`${command}\r\n`)
  const [answer] = await once(socket, 'data')
  const text = String(answer).trim()
  if (text !== expected) throw new Error(`expected ${expected}, the server says: ${text}`)
}
