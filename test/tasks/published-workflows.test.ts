import { expect, onTestFinished, test } from 'vitest'
import { MemoryBroker } from '../../src/brokers/memory/memory-broker.ts'
import { Config } from '../../src/config/config.ts'
import { createApp } from '../../src/create-app.ts'
import { chain, chord, group } from '../../src/tasks/canvas/canvas.ts'
import type { Signature } from '../../src/tasks/signature.ts'

interface Step {
  readonly task: string
  readonly options: Readonly<Record<string, unknown>>
  readonly kwargs: { readonly header: Step; readonly body: Step; readonly tasks: readonly Step[] }
}

test('the steps of a chord body that is a chain follow it in the outer chain, so that members carry the first one only', async () => {
  const { t, published } = publishing()
  await chain(t('a'), chord([t('b')], chain(t('c'), t('d'))), t('e')).applyAsync()
  const [{ embed }] = published as [Published]
  expect(namesOf(embed.chain)).toEqual(['node.e', 'node.d', 'celery.chord'])
  expect(embed.chain?.[2]?.kwargs.body.task).toBe('node.c')
})

test('a chord within the body of a chord carries the first step behind it only; the others follow in that body', async () => {
  const { t, published } = publishing()
  await chord(
    [t('a')],
    chain(t('b'), chord([t('c'), t('d')], chain(t('e'), t('f'), t('g')))),
  ).applyAsync()
  const body = published.at(-1)?.embed.chord
  expect(namesOf(body?.kwargs.tasks)).toEqual(['node.b', 'celery.chord', 'node.f', 'node.g'])
  expect(body?.kwargs.tasks[1]?.kwargs.body.task).toBe('node.e')
})

test('a step behind a group stays in the body of its chord, one behind a chord is carried by its body', async () => {
  const { t, published } = publishing()
  await chain(group(t('a'), t('b')), t('c'), t('d')).applyAsync()
  expect(published.at(-1)?.embed.chord?.task).toBe('celery.chain')
  await chain(chord([t('a')], t('c')), t('d')).applyAsync()
  const { chord: body } = published.at(-1)?.embed ?? {}
  expect(body?.task).toBe('node.c')
  expect(namesOf(body?.options.chain as readonly Step[])).toEqual(['node.d'])
})

test('a chord that is sent to be started later is known by the id of its header, whose group says that it has no family yet', async () => {
  const { t, published } = publishing()
  const inner = chord([t('c'), t('d')], t('e'))
  await chain(t('a'), chord([t('b'), inner], t('f'))).applyAsync()
  const [{ embed }] = published as [Published]
  const outer = embed.chain?.[0] as Step
  const { header, body } = outer.kwargs
  expect(outer.options.task_id).toBe(header.options.task_id)
  expect(header.options).toMatchObject({ root_id: null, parent_id: null })
  expect(body.options.task_id).not.toBe(outer.options.task_id)
  // The place of a nested chord among the members is that of its body.
  const [, nested] = header.kwargs.tasks
  expect(nested?.kwargs.header.options).toMatchObject({ root_id: null, parent_id: null })
  expect(nested?.kwargs.body.options.group_index).toBe(1)
  expect(nested?.options.group_index).toBeUndefined()
})

test('members of a body that is a group say which header they come after', async () => {
  const { t, published } = publishing()
  await chord([t('a')], group(t('b'), t('c'))).applyAsync()
  const [{ embed, headers }] = published.slice(-1) as [Published]
  const groups = embed.chord?.kwargs.tasks.map(({ options }) => options.group_id)
  expect(groups).toEqual([headers.group, headers.group])
})

interface Published {
  readonly headers: Readonly<Record<string, unknown>>
  readonly embed: { readonly chain: readonly Step[] | null; readonly chord: Step | null }
}

function namesOf(steps: readonly Step[] | null | undefined): readonly string[] {
  return steps?.map(({ task }) => task) ?? []
}

function publishing(): {
  readonly t: (name: string) => Signature
  readonly published: Published[]
} {
  const published: Published[] = []
  const broker = new MemoryBroker('published-workflows')
  const publish = broker.publish.bind(broker)
  broker.publish = async (message, ...rest) => {
    const [, , embed] = JSON.parse(Buffer.from(message.body).toString())
    published.push({ headers: message.headers, embed })
    await publish(message, ...rest)
  }
  const settings = { broker_url: 'memory://', result_backend: 'memory://', dotenv: false } as const
  const app = createApp(new Config({ queues: ['node'], environment: {}, ...settings }), { broker })
  onTestFinished(async () => {
    await app.close()
    await broker.close()
  })
  return { t: (name) => app.signature(`node.${name}`), published }
}
