import { type CeleryApp, chain, chord, group, type Signature } from '../../../src/index.ts'
import { type Args, type Declare, suiteSignature } from './declare.ts'
import { builtinError } from './python-errors.ts'

/** Tasks that start workflows of their own, or answer signatures. */
export function addCallingTasks(app: CeleryApp, declare: Declare): void {
  const s = (name: string, ...args: Args) => suiteSignature(app, name, args)
  declare('chain_add', async (_self, [x, y]) => {
    await chain(s('add', x, x), s('add', y)).applyAsync()
    return null
  })
  declare('chord_add', async (_self, [x, y]) => {
    await chord([s('add', x, x)], s('add', y)).applyAsync()
    return null
  })
  declare('build_chain_inside_task', async () => {
    const adds = group(s('add', 3), s('add', 4))
    const result = await chain(s('add', 1, 1), s('add', 2), adds, s('add', 5)).applyAsync()
    return result.asTuple()
  })
  declare('add_to_all_to_chord', async (self, [numbers, value]) => {
    for (const number of numbers as Args) await self.addToChord(s('add', number, value))
    return 0
  })
  declare('add_chord_to_chord', async (self, [numbers, value]) => {
    const adds = (numbers as Args).map((number) => s('add', number, value))
    await self.addToChord(chain(group(adds), s('tsum')))
    return 0
  })
  addNestedSignatures(app, declare)
}

function addNestedSignatures(app: CeleryApp, declare: Declare): void {
  const add = suiteSignature(app, 'add')
  const nested: Readonly<Record<string, () => Signature>> = {
    chain_chain: () => chain(chain([add])),
    chain_group: () => chain(group([add])),
    chain_chord: () => chain(chord([add], add)),
    group_chain: () => group(chain([add])),
    group_group: () => group(group([add])),
    group_chord: () => group(chord([add], add)),
    chord_chain: () => chord(chain([add]), add),
    chord_group: () => chord(group([add]), add),
    chord_chord: () => chord(chord([add], add), add),
  }
  for (const [name, make] of Object.entries(nested)) {
    declare(`return_nested_signature_${name}`, () => make())
  }
  declare('rebuild_signature', (_self, [dict]) => {
    checkSignature(dict)
    return null
  })
}

function checkSignature(value: unknown): void {
  const signature = value as { task?: unknown; kwargs?: Record<string, unknown> } | null
  if (typeof signature?.task !== 'string') {
    throw builtinError('TypeError', `${JSON.stringify(value)} is not a signature object`)
  }
  const { tasks, header, body } = signature.kwargs ?? {}
  for (const one of [tasks ?? [], header ?? [], body ?? []].flat()) checkSignature(one)
}
