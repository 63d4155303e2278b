import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { MemoryTransport, RecipeWrapper, type WrapperEnvironment } from '../../src/recipes/index.ts'
import { packageParts } from '../../src/services/package-parts.ts'
import { loadWrapper } from '../../src/services/wrappers.ts'
import { waitFor } from '../support/wait-for.ts'

const environment = (fields: Readonly<Record<string, unknown>>): WrapperEnvironment => fields

/** The wrapper `command` for a step with these parameters; `updates` holds what it reports there. */
async function commandJob(parameters: object, given: WrapperEnvironment = {}) {
  const transport = new MemoryTransport({ name: randomUUID() })
  onTestFinished(() => transport.disconnect())
  const updates: unknown[] = []
  await transport.subscribe('updates', (_header, message) => {
    updates.push((message as { readonly payload: unknown }).payload)
  })
  const message = {
    recipe: {
      start: [[1, {}]],
      1: { queue: 'job', job_parameters: parameters, output: { updates: 2 } },
      2: { queue: 'updates' },
    },
    'recipe-pointer': 1,
    environment: { ID: 'run-1' },
  }
  const Wrapper = await loadWrapper('command', packageParts())
  const wrapper = new Wrapper(given)
  wrapper.setRecipeWrapper(new RecipeWrapper({ message, transport }))
  return { wrapper, updates }
}

test.each([
  ['a line', { command: `sh -c 'exit 3'` }],
  ['a list of words', { command: ['sh', '-c', 'exit 3'] }],
  ['the second of several', { commands: ['true', ['sh', '-c', 'exit 3'], 'true'] }],
])('a command that is %s runs, and its failure is that of the job', async (_, parameters) => {
  const { wrapper, updates } = await commandJob(parameters)
  expect(await wrapper.run()).toBe(false)
  await waitFor('the failure', () =>
    updates.some((update) => (update as { exitCode: number }).exitCode !== 0),
  )
  expect(updates.at(-1)).toMatchObject({ command: ['sh', '-c', 'exit 3'], exitCode: 3 })
})

test.each([
  ['a number as command', { command: 5 }, '5 is no command; expected a line, or a list of words'],
  ['an object as a word', { commands: [['sh', {}]] }, 'is no command'],
  ['no command', { commands: [] }, 'the step has no command to run'],
  ['a word as timeout', { command: 'true', timeout: 'soon' }, "'soon' is no timeout"],
])('%s is refused', async (_, parameters, reason) => {
  const { wrapper } = await commandJob(parameters)
  await expect(wrapper.run()).rejects.toThrow(reason)
})

test('the command of a job that is cancelled ends, with all that it has started', async () => {
  const lines: string[] = []
  const log = {
    info: ({ line }: { readonly line: string }) => lines.push(line),
    error: () => undefined,
    child: () => log,
  }
  const cancelled = new AbortController()
  const command = `sh -c 'sleep 600 & echo $!; wait'`
  const { wrapper } = await commandJob({ command }, environment({ log, signal: cancelled.signal }))
  const run = wrapper.run()
  await waitFor('a line', () => lines.length > 0)
  cancelled.abort()
  expect(await run).toBe(false)
  await waitFor('its end', () => !isThere(Number(lines[0])))
})

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
