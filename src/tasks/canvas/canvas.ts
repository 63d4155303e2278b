import { randomUUID } from 'node:crypto'
import { TaskError } from '../../errors.ts'
import { silentLogger } from '../../logger.ts'
import { chainDict, chordDict, groupDict, isGroup } from '../../protocol/signature-tree/kinds.ts'
import { tasksOf, unrolled } from '../../protocol/signature-tree/parts.ts'
import type { AsyncResult } from '../../results/async-result.ts'
import { GroupResult } from '../../results/group-result.ts'
import type { ResultStore } from '../../results/result-store.ts'
import { currentApp } from '../app/current-app.ts'
import type { Publisher, Started } from '../calls/publisher.ts'
import { Group, Signature } from '../signature.ts'
import type { Immutable, Missing, Takes } from '../task-types.ts'
import { joinedSteps } from './join.ts'

type Signatures = readonly Signature<unknown, Missing>[]

/** What the task of a signature returns; of a chain that is what its last step does. */
type ValueOf<One> = One extends Signature<infer Value, Missing> ? Value : unknown

/** An empty group takes anything. */
type LacksOf<One> = [One] extends [never]
  ? Immutable
  : One extends Signature<unknown, infer Lacks>
    ? Lacks
    : Missing

type FirstOf<Steps extends Signatures> = Steps extends readonly [infer First, ...unknown[]]
  ? First
  : Steps[number]

type LastOf<Steps extends Signatures> = Steps extends readonly [...unknown[], infer Last]
  ? Last
  : Steps[number]

/** What a member of a group adds to its results: a group within it adds each of its own. */
type MemberOf<Member> = Member extends Group<infer Value, Missing> ? Value : ValueOf<Member>

/** Shown by the compiler where two steps do not fit. */
interface StepMismatch<Lacks, Value> {
  readonly 'this step does not take what the step before it returns': {
    readonly lacks: Lacks
    readonly returned: Value
  }
}

/** Each step but the first takes what the one before it returns. */
type Fitting<Steps extends readonly unknown[]> = Steps extends readonly [
  infer One,
  infer Next,
  ...infer Rest,
]
  ? Takes<LacksOf<Next>, ValueOf<One>> extends true
    ? readonly [One, ...Fitting<readonly [Next, ...Rest]>]
    : readonly [One, StepMismatch<LacksOf<Next>, ValueOf<One>>, ...Rest]
  : Steps

/** What the first step of a chain takes by name. */
type KwargsOf<One> = One extends { readonly lacksKwargs?: infer Kwargs }
  ? Exclude<Kwargs, undefined>
  : unknown

type ChainOf<Steps extends Signatures> = Signature<
  ValueOf<LastOf<Steps>>,
  LacksOf<FirstOf<Steps>>,
  KwargsOf<FirstOf<Steps>>
>
type GroupOf<Members extends Signatures> = Group<
  MemberOf<Members[number]>,
  LacksOf<Members[number]>
>

/** The body takes the list of what the members return. */
type FittingBody<Header, Body> =
  Takes<LacksOf<Body>, readonly HeaderValue<Header>[]> extends true
    ? unknown
    : StepMismatch<LacksOf<Body>, readonly HeaderValue<Header>[]>

type HeaderValue<Header> = Header extends Signatures ? MemberOf<Header[number]> : MemberOf<Header>

/** Tasks one after another: each gets the result of the one before it as its first argument. */
export function chain<const Steps extends Signatures>(
  ...steps: Steps & Fitting<Steps>
): ChainOf<Steps>
export function chain<const Steps extends Signatures>(steps: Steps & Fitting<Steps>): ChainOf<Steps>
export function chain(...given: readonly unknown[]): Signature {
  const all = signaturesOf('chain', given)
  if (all.length === 0) {
    throw new TaskError('TASK_INVALID', 'a chain needs at least one signature')
  }
  const publisher = publisherOf(all)
  const [only] = all
  // One alone stays what it is, as in Celery; a group of one is that one.
  if (only !== undefined && only === given[0] && all.length === 1) {
    return new Signature(publisher, chainDict(tasksOf(chainDict(all)).map(unrolled)))
  }
  const links = { isOnHeader: publisher.linksChordHeaders }
  const whole = joinedSteps(tasksOf(chainDict(all)), links)
  return isGroup(whole) ? new Group(publisher, whole) : new Signature(publisher, whole)
}

/** Tasks side by side. */
export function group<const Members extends Signatures>(...members: Members): GroupOf<Members>
export function group<const Members extends Signatures>(members: Members): GroupOf<Members>
export function group(...members: readonly unknown[]): Group {
  const all = signaturesOf('group', members)
  return new Group(publisherOf(all), groupDict(all))
}

/** A group's results, all together, as the first argument of `body`. */
export function chord<
  const Header extends Signature | Signatures,
  Body extends Signature<unknown, Missing>,
>(
  header: Header,
  body: Body & FittingBody<Header, Body>,
): Signature<ValueOf<Body>, LacksOf<Header extends Signatures ? Header[number] : Header>> {
  const whole = header instanceof Group ? header : group(signaturesOf('chord', [header].flat()))
  const publisher = publisherOf([...signaturesOf('chord', [body]), whole])
  return new Signature(publisher, chordDict(whole, body))
}

/** Signatures one by one, or in one list. */
function signaturesOf(kind: string, given: readonly unknown[]): Signatures {
  const [first] = given
  const all: readonly unknown[] = given.length === 1 && Array.isArray(first) ? first : given
  const stranger = all.findIndex((one) => !(one instanceof Signature))
  if (stranger === -1) return all as Signatures
  throw new TaskError(
    'TASK_INVALID',
    `cannot make a ${kind} of ${nameOf(all[stranger])}, expected signatures: task.s(…)`,
  )
}

function nameOf(stranger: unknown): string {
  if (Array.isArray(stranger)) return 'a list in a list'
  const { name } = Object(stranger) as { readonly name?: unknown }
  return typeof name === 'string' && name !== '' ? `"${name}"` : String(stranger)
}

/** Empty groups belong to no app. */
function publisherOf(signatures: Signatures): Signature['publisher'] {
  return (
    signatures.find(({ publisher }) => publisher !== emptyGroupPublisher)?.publisher ??
    emptyGroupPublisher
  )
}

/**
 * Publishes groups without members: there is nothing to send, and their results are there at once. No member says which
 * app they belong to, so they are saved with the app that was created last, as in Celery.
 */
const emptyGroupPublisher: Publisher = {
  replyTo: '',
  linksChordHeaders: false,
  start: async () => ({ id: randomUUID(), members: [], parent: null }),
  // The caller knows what its value is.
  resultOf: <Value>({ id }: Started) => emptyResult(id) as AsyncResult as AsyncResult<Value>,
  groupResult: ({ id }) => emptyResult(id),
  publish: refuse,
  results: store,
  tasks: { get: () => undefined },
  logger: silentLogger,
  asyncResult: () => {
    throw noApp()
  },
}

function emptyResult<Value>(id: string): GroupResult<Value> {
  return new GroupResult<Value>(id, [], { store })
}

async function store(): Promise<ResultStore> {
  const app = currentApp()
  if (app === undefined) throw noApp()
  return await app.results()
}

async function refuse(): Promise<never> {
  throw noApp()
}

function noApp(): TaskError {
  return new TaskError('TASK_INVALID', 'an empty group has no app: create the app first')
}
