// A Fastify server that calls tasks and runs them: node --import tsx examples/fastify/server.ts
// AMQP_URL, RESULT_BACKEND and PORT say where. Leave the worker out where workers are processes of their own.
import fastify, { type FastifyInstance } from 'fastify'
import { add, app } from './app.ts'

interface Sum {
  x: number
  y: number
}

export function buildServer(): FastifyInstance {
  const server = fastify({ logger: { level: 'warn' } })
  // What the toolbox logs goes to the server's log.
  app.useLogger(server.log)
  const worker = app.worker()

  // The server listens once the worker is ready, and is closed once it has ended what it runs.
  server.addHook('onReady', async () => worker.start())
  server.addHook('onClose', async () => {
    await worker.stop({ graceMs: 10_000 })
    await app.close()
  })

  server.post<{ Body: Sum }>('/sums', { schema: { body: SUM } }, async ({ body }, reply) => {
    const result = await add.delay(body.x, body.y)
    return reply.code(202).send({ id: result.id })
  })
  server.get<{ Params: { id: string } }>('/sums/:id', async ({ params, raw }) => {
    // A client that goes away ends the wait for its result.
    const gone = new AbortController()
    raw.once('close', () => gone.abort())
    const result = app.asyncResult<number>(params.id, add.name)
    return { sum: await result.get({ timeoutMs: 5_000, signal: gone.signal }) }
  })
  return server
}

const SUM = {
  type: 'object',
  required: ['x', 'y'],
  properties: { x: { type: 'number' }, y: { type: 'number' } },
}

const server = buildServer()
// Signals are the application's: the toolbox listens to none.
process.once('SIGTERM', () => void server.close())
process.once('SIGINT', () => void server.close())
console.log(await server.listen({ port: Number(process.env.PORT ?? 3000) }))
