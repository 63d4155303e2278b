import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { MemoryTransport, RecipeWrapper } from '../../src/recipes/index.ts'
import { JSONLines } from '../../src/services/json-lines.ts'
import { captured } from '../support/captured.ts'
import { waitFor } from '../support/wait-for.ts'

interface Captured {
  readonly inputs: readonly { parameters: Record<string, unknown>; message: unknown }[]
  readonly files: Readonly<Record<string, string>>
  readonly empty_output_filename: { readonly dead_lettered: number }
}

test('recorded inputs become the lines, files and dead letters that they became in Python', async () => {
  const { inputs, files, empty_output_filename: empty } = captured<Captured>('jsonlines')
  const folder = mkdtempSync(join(tmpdir(), 'lines-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const name = crypto.randomUUID()
  const transport = new MemoryTransport({ name })
  onTestFinished(() => transport.disconnect())
  const service = new JSONLines({ transport: new MemoryTransport({ name }) })
  await service.start()
  onTestFinished(() => service.stop())
  const send = async (parameters: object, message: unknown): Promise<void> => {
    const recipe = { start: [[1, message]], '1': { queue: 'jsonlines', parameters } }
    await new RecipeWrapper({ recipe, environment: { ID: 'x' }, transport }).start()
  }
  for (const { parameters, message } of inputs) {
    const output = join(folder, String(parameters.output_filename))
    await send({ ...parameters, output_filename: output }, message)
  }
  await send({ output_filename: '' }, { a: 1 })
  for (const [file, text] of Object.entries(files)) {
    const written = (): string =>
      existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8') : ''
    await waitFor(file, () => written().length >= text.length, { deadlineMs: 20_000 })
    expect(written()).toBe(text)
  }
  await waitFor(
    'the dead letter',
    async () => (await transport.depth('dlq.jsonlines')) === empty.dead_lettered,
    { deadlineMs: 20_000 },
  )
})

test('lines that cannot be written are dead letters in the end, and are not written later', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lines-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const name = crypto.randomUUID()
  const transport = new MemoryTransport({ name })
  onTestFinished(() => transport.disconnect())
  const service = new JSONLines({ transport: new MemoryTransport({ name, deliveryLimit: 1 }) })
  await service.start()
  onTestFinished(() => service.stop())
  const [blocked, free] = [join(folder, 'blocked'), join(folder, 'free.jsonl')]
  const send = async (output_filename: string, message: unknown): Promise<void> => {
    const recipe = {
      start: [[1, message]],
      '1': { queue: 'jsonlines', parameters: { output_filename } },
    }
    await new RecipeWrapper({ recipe, environment: { ID: 'x' }, transport }).start()
  }
  writeFileSync(blocked, 'a file where a folder is needed')
  await send(join(blocked, 'lines.jsonl'), 'never')
  await send(free, 'beside it')
  await waitFor('the dead letter', async () => (await transport.depth('dlq.jsonlines')) === 1, {
    deadlineMs: 20_000,
  })
  rmSync(blocked)
  await send(join(blocked, 'lines.jsonl'), 'later')
  await waitFor('the line', () => existsSync(join(blocked, 'lines.jsonl')), { deadlineMs: 20_000 })
  await service.stop()
  expect(readFileSync(join(blocked, 'lines.jsonl'), 'utf8')).toBe('"later"\n')
  expect(readFileSync(free, 'utf8')).toBe('"beside it"\n')
})
