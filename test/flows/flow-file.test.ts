import { Engine, flow, readFlow } from 'celery-toolbox/flows'
import { expect, test } from 'vitest'
import type { StepFunctions } from '../../src/flows/files/build-flow.ts'

const INGEST = `
flow: ingest
version: 3
inputs: [path]
steps:
  - { task: copy, run: storage.copy, with: { source: $path }, out: [location, bytes], revert: storage.remove }
  - unordered: derive
    steps:
      - { task: thumb, run: image.thumb, with: { file: $location } }
      - { task: stats, run: image.stats, with: { file: $location }, when: $bytes > 0 }
  - { task: notify, run: mail.send, with: { to: ops, ref: $location, literal: $$5 }, retry: { each: [smtp1, smtp2], as: host } }
`

function functions(
  calls: unknown[],
  behaviour: Record<string, (values: Record<string, unknown>) => unknown> = {},
): StepFunctions {
  const names = ['storage.copy', 'storage.remove', 'image.thumb', 'image.stats', 'mail.send']
  return {
    get: (name) =>
      names.includes(name)
        ? (values: Record<string, unknown>) => {
            calls.push([name, values])
            return behaviour[name]?.(values)
          }
        : undefined,
  }
}

function mistakes(text: string): string[] {
  try {
    readFlow(text, { functions: functions([]) })
  } catch (error) {
    return (error as Error).message.split('\n')
  }
  return []
}

test('a flow file runs: values, keys of results, constants, conditions and retries', async () => {
  const calls: unknown[] = []
  const { flow: ingest } = readFlow(INGEST, {
    functions: functions(calls, { 'storage.copy': () => ({ location: '/x', bytes: 0 }) }),
  })
  const engine = new Engine(ingest, { store: { path: '/in' } })
  await engine.run()
  expect(calls).toEqual([
    ['storage.copy', { source: '/in' }],
    ['image.thumb', { file: '/x' }],
    ['mail.send', { to: 'ops', literal: '$5', ref: '/x' }],
  ])
  expect(engine.atoms().find(({ name }) => name === 'stats')?.state).toBe('IGNORE')
  expect(engine.history('notify_retry')).toEqual([['smtp1', {}]])
})

test('a step that fails reverts what came before, with the arguments of the step', async () => {
  const calls: unknown[] = []
  const { flow: ingest } = readFlow(INGEST, {
    functions: functions(calls, {
      'storage.copy': () => ({ location: '/x', bytes: 0 }),
      'image.thumb': () => {
        throw new Error('no picture')
      },
    }),
  })
  await expect(new Engine(ingest, { store: { path: '/in' } }).run()).rejects.toThrow('no picture')
  expect(calls.at(-1)).toEqual(['storage.remove', expect.objectContaining({ source: '/in' })])
})

test('mistakes are reported with file, line and column', () => {
  expect(
    mistakes(
      'flow: f\nsteps:\n  - { task: a, run: storage.cpy }\n  - { task: a, run: mail.send, with: { to: $nobody } }\n',
    ),
  ).toEqual([
    'flow.yaml:3:21: no task "storage.cpy" is registered; give it a "queue" if another app has it',
    'flow.yaml:4:13: the name "a" is taken by another step',
    'flow.yaml:4:44: nothing provides "nobody": it is not an input, and not the "out" of a step',
  ])
  expect(mistakes('flow: f\nsteps:\n  - { task: a, run: mail.send, when: "1 >" }\n')).toEqual([
    expect.stringMatching(
      /^flow\.yaml:3:38: the condition is wrong: expected a \$symbol or a value, found the end$/,
    ),
  ])
})

test('a cycle is reported at a step of it', () => {
  const text = `flow: f\nkind: graph\nsteps:
  - { task: a, run: mail.send, after: [b] }
  - { task: b, run: mail.send, after: [a] }\n`
  expect(mistakes(text)).toEqual(['flow.yaml:4:5: flow "f" has a cycle: "a" -> "b" -> "a"'])
})

test('a symbol of a later step, or of one beside it, is refused where it is read', () => {
  const [later, beside] = ['linear', 'unordered'].map((kind) =>
    mistakes(`flow: f
kind: ${kind}
steps:
  - { task: a, run: mail.send, with: { to: $s } }
  - { task: b, run: mail.send, out: s }
`),
  )
  expect(later).toEqual(['flow.yaml:4:44: nothing before it provides "s", which it needs'])
  expect(beside).toEqual(later)
})

test('"after" names steps of the same graph', () => {
  const text = (kind: string) => `flow: f
kind: ${kind}
steps:
  - { task: a, run: mail.send, after: [z] }
`
  expect(mistakes(text('graph'))).toEqual(['flow.yaml:4:40: the graph has no step "z"'])
  expect(mistakes(text('linear'))).toEqual([
    'flow.yaml:4:39: "after" is for steps of a graph, this one is in a linear flow',
  ])
})

test('keys of a retry that say nothing without another one are refused', () => {
  const text = `flow: f
retry: { delay: 1s, on: [Timeout], as: n }
steps:
  - { task: a, run: mail.send, retry: { times: 2, backoff: 2, maxDelay: 1m, jitter: true } }
  - { task: b, run: mail.send, retry: { times: 2, delay: 1s, backoff: 2 } }
`
  expect(mistakes(text)).toEqual([
    'flow.yaml:2:17: "delay" goes with "times" or "each"',
    'flow.yaml:2:25: "on" goes with "times" or "each"',
    'flow.yaml:4:60: "backoff" goes with "delay"',
    'flow.yaml:4:73: "maxDelay" goes with "delay"',
    'flow.yaml:4:85: "jitter" goes with "delay"',
  ])
})

test('a key that has no effect where it stands is refused', () => {
  const text = `flow: f
retry: { times: 2, each: [1] }
steps:
  - { wait: approval, delay: 5m }
  - { linear: inner, timeout: 5s, steps: [{ task: a, run: mail.send, otherwise: skip }] }
  - { task: b, run: mail.send, steps: [{ task: c, run: mail.send }] }
`
  expect(mistakes(text)).toEqual([
    'flow.yaml:2:17: "times" has no effect beside "each", which is one attempt a value',
    'flow.yaml:4:30: "delay" has no effect on the wait "approval"',
    'flow.yaml:5:31: "timeout" has no effect on the flow "inner"',
    'flow.yaml:5:81: "otherwise" goes with "when"',
    'flow.yaml:6:39: "steps" has no effect on the task "b"',
  ])
})

test('a span without end, a name twice, the list of a retry and too many brackets are refused where they stand', () => {
  const text = (retry: string, step = '') => `flow: f
retry: { ${retry} }
steps:
  - { task: a, run: mail.send${step} }
`
  expect(mistakes(text('times: 2', ', delay: 99999999999999d'))).toEqual([
    'flow.yaml:4:39: 99999999999999d is longer than a hundred years',
  ])
  expect(mistakes(text('times: 2', ', out: [x, x]'))).toHaveLength(1)
  expect(mistakes(text('each: $servers'))).toEqual([
    'flow.yaml:2:16: nothing before it provides "servers", which it needs',
  ])
  const deep = `flow: f\nsteps: ${'['.repeat(20_000)}${']'.repeat(20_000)}`
  expect(mistakes(deep)).toEqual([
    expect.stringMatching(/^flow\.yaml:2:\d+: values are nested too deeply$/),
  ])
})

test('__proto__ is no name of a step or a symbol', () => {
  for (const part of ['task: __proto__, run: mail.send', 'task: a, run: mail.send, out: __proto__'])
    expect(mistakes(`flow: f\nsteps:\n  - { ${part} }\n`)[0]).toMatch(/^flow\.yaml:3:\d+: /)
})

test('a typed flow passes values by name and skips a step whose condition is false', async () => {
  const undone: unknown[] = []
  const sizes = flow('sizes')
    .input<{ path: string }>()
    .step('read', ({ source }: { source: string }) => ({ text: `${source}!`, size: 0 }), {
      with: { source: ($) => $.path },
      out: ['text', 'size'],
      revert: ({ source }) => undone.push(source),
    })
    .step('skipped', () => 'never', { when: ($) => $.size > 0, out: 'never' })
    .step('shout', ({ text }: { text: string }) => text.toUpperCase(), {
      with: { text: ($) => $.text },
      out: 'shouted',
    })
  const engine = await sizes.run({ path: 'a' })
  expect(await engine.fetchAll()).toMatchObject({ shouted: 'A!', size: 0 })
  expect(engine.atoms().find(({ name }) => name === 'skipped')?.state).toBe('IGNORE')
})

test('a symbol that no earlier step provides is a compile error', () => {
  const build = () =>
    flow('f').step('a', ({ x }: { x: unknown }) => x, {
      // @ts-expect-error: no step provides it
      with: { x: ($) => $.missing },
    })
  expect(build().name).toBe('f')
})
