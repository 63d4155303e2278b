import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ALONE, OF_THEIR_OWN } from './alone.ts'
import { PROJECT } from './services.ts'

/** What all tests feel: the broker stopped, or short of memory. */
const FOR_ALL = /stopBroker\(|stop_app|set_vm_memory_high_watermark/
const HERE = ['support/alone.test.ts', 'support/rabbitmqctl.ts']

test('only tests that run alone stop the broker of all tests', () => {
  const folder = join(PROJECT, 'test')
  const stopping = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !HERE.includes(path))
    .filter((path) => FOR_ALL.test(readFileSync(join(folder, path), 'utf8')))
  expect(stopping.length).toBeGreaterThan(0)
  expect(stopping.filter((path) => !runsAlone(path))).toEqual([])
})

function runsAlone(path: string): boolean {
  const [, inFaults] = /^faults\/(.*?)(?:\.live\.test)?\.ts$/.exec(path) ?? []
  const isListed = ALONE.includes(`test/${path}`) || path.startsWith('chaos/')
  return isListed || (inFaults !== undefined && !OF_THEIR_OWN.includes(inFaults))
}

test('commands look for tests of faults in the project that has them', () => {
  const commands = ['package.json', 'scripts/test-faults.mjs', 'test/faults/deploys/main.ts']
  const named = commands.flatMap((file) => [
    ...readFileSync(join(PROJECT, file), 'utf8').matchAll(
      /--project'?,? '?(alone|live)'?,? '?test\/(faults\/[\w-]+\.live\.test\.ts)/g,
    ),
  ])
  expect(named.length).toBeGreaterThanOrEqual(4)
  const astray = named.filter(([, project, path = '']) => (project === 'alone') !== runsAlone(path))
  expect(astray.map(([, , path]) => path)).toEqual([])
})
