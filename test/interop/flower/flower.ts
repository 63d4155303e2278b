import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { freePort } from '../../support/free-port.ts'
import { service } from '../../support/services.ts'
import { waitFor } from '../../support/wait-for.ts'

/** A running Flower, and its HTTP API. */
export interface Flower {
  readonly url: string
  get(path: string): Promise<Answer>
  /** Presses a button. */
  post(path: string, body?: unknown): Promise<Answer>
  json(path: string): Promise<unknown>
  close(): Promise<void>
}

export interface Answer {
  readonly status: number
  readonly text: string
}

export async function startFlower(env: Readonly<Record<string, string>>): Promise<Flower> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const args = [
    '-m',
    'celery',
    '-A',
    'flower_app',
    'flower',
    '--address=127.0.0.1',
    `--port=${port}`,
  ]
  const child = spawn(service('PYTHON_FLOWER'), args, {
    cwd: join(import.meta.dirname, 'python'),
    env: {
      ...process.env,
      ...env,
      FLOWER_UNAUTHENTICATED_API: 'true',
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONUNBUFFERED: '1',
    },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      output += data.toString()
    })
  }
  const ask = async (path: string, init?: RequestInit): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, init)
    return { status: response.status, text: await response.text() }
  }
  await waitFor('Flower to be there', () => ask('/healthcheck').catch(() => undefined), {
    deadlineMs: 40_000,
  }).catch((cause: unknown) => {
    throw new Error(`Flower did not start:\n${output}`, { cause })
  })
  return {
    url,
    get: ask,
    post: async (path, body) =>
      ask(path, { method: 'POST', ...(body !== undefined && { body: JSON.stringify(body) }) }),
    json: async (path) => {
      const { status, text } = await ask(path)
      if (status === 200) return JSON.parse(text)
      throw new Error(`Flower answers ${status} to ${path}: ${text}\n${output}`)
    },
    close: async () => {
      const exited = once(child, 'close')
      child.kill('SIGTERM')
      await exited
    },
  }
}
