import {
  type CeleryApp,
  chain,
  group,
  Signature,
  type SignatureDict,
  type TaskContext,
} from '../../../src/index.ts'
import { type Args, type Declare, suiteSignature } from './declare.ts'
import { echo } from './redis.ts'

/** Tasks that put another signature in their place. */
export function addReplacedTasks(app: CeleryApp, declare: Declare): void {
  const s = (name: string, ...args: Args) => suiteSignature(app, name, args)
  const si = (name: string, ...args: Args) => suiteSignature(app, name, args, { isImmutable: true })
  declare('add_replaced', (self, args) => replace(self, s('add', ...args)))
  declare('add_replaced_with_chain', (self, args) =>
    replace(self, chain(s('add', ...args), s('identity'))),
  )
  declare('replace_with_empty_chain', (self) => replace(self, chain()))
  declare('replace_with_chain_which_contains_a_group', (self) =>
    replace(self, chain(s('add', 1, 2), group(s('add', 1), s('add', 1)))),
  )
  declare('add_to_all', (self, [numbers, value]) =>
    replace(self, group((numbers as Args).map((number) => s('add', number, value)))),
  )
  declare('replace_with_chain', (self) =>
    replace(
      self,
      chain(s('identity', ...self.request.args), s('identity')).link(linkOf(app, self)),
    ),
  )
  declare('replace_with_chain_which_raises', (self) => {
    const failing = chain(s('identity', ...self.request.args), s('raise_error'))
    return replace(self, failing.linkError(linkOf(app, self)))
  })
  declare('record_replaced_task_nesting', (self, args) => recordNesting(app, self, args))
  declare('second_order_replace1', async (self) =>
    replacedInOrder(self, 'A', () =>
      chain(s('second_order_replace2'), ended(si('second_order_replace1'))),
    ),
  )
  declare('second_order_replace2', async (self) =>
    replacedInOrder(self, 'B', () =>
      chain(s('redis_echo', 'In/Out C'), ended(si('second_order_replace2'))),
    ),
  )
  declare('replace_with_stamped_task', (self) => {
    const dict = (self.request.kwargs.replace_with ??
      self.request.args[0] ??
      s('replaced_with_me').toDict()) as SignatureDict // Python sends a signature
    return replace(
      self,
      new Signature(app, dict).stamp({ StampOnReplace: 'This is the replaced task' }),
    )
  })
}

function replace(self: TaskContext, signature: Signature): never {
  throw self.replace(signature)
}

/** The callback or errback of a replacement: an echo of its message, or of the id or result it is called with. */
function linkOf(app: CeleryApp, { request }: TaskContext): Signature {
  const message = request.kwargs.link_msg ?? null
  return message === null
    ? suiteSignature(app, 'redis_echo')
    : suiteSignature(app, 'redis_echo', [message], { isImmutable: true })
}

function ended(signature: Signature): Signature {
  return new Signature(signature.publisher, { ...signature.toDict(), kwargs: { state: true } })
}

async function replacedInOrder(
  self: TaskContext,
  name: string,
  replacement: () => Signature,
): Promise<null> {
  if (self.request.kwargs.state === true) return await echo(`Out ${name}`)
  await echo(`In ${name}`)
  return replace(self, replacement())
}

function recordNesting(app: CeleryApp, self: TaskContext, [count, before]: Args): unknown {
  const { replacedTaskNesting, replyTo } = self.request
  const nesting = [...((before ?? []) as Args), replacedTaskNesting]
  if (!count) return nesting
  const again = suiteSignature(app, 'record_replaced_task_nesting', [Number(count) - 1, nesting])
  return replace(self, replyTo === null ? again : again.set({ replyTo }))
}
