import { TaskError } from '../../errors.ts'
import { isChain } from '../../protocol/signature-tree/kinds.ts'
import { tasksOf } from '../../protocol/signature-tree/parts.ts'
import type { SignatureDict } from '../../protocol/task-request.ts'
import { Group, Signature } from '../signature.ts'
import { chainDict, chordDict, groupDict, unrolled, withoutEmptyGroups } from './dicts.ts'
import { emptyGroupPublisher } from './empty-group.ts'
import { groupsToChords } from './groups-to-chords.ts'
import { linkedSteps } from './link.ts'

type Signatures = readonly Signature[]

/** What the task of a signature returns; of a chain that is what its last step does. */
type ValueOf<One> = One extends Signature<infer Value> ? Value : unknown

type LastOf<Steps extends Signatures> = Steps extends readonly [...unknown[], infer Last]
  ? Last
  : Steps[number]

/** What a member of a group adds to its results: a group within it adds each of its own. */
type MemberOf<Member> = Member extends Group<infer Value> ? Value : ValueOf<Member>

/** Tasks one after another: each gets the result of the one before it as its first argument. */
export function chain<const Steps extends Signatures>(
  ...steps: Steps
): Signature<ValueOf<LastOf<Steps>>>
export function chain<const Steps extends Signatures>(
  steps: Steps,
): Signature<ValueOf<LastOf<Steps>>>
export function chain(...given: readonly unknown[]): Signature {
  const all = signaturesOf('chain', given)
  if (all.length === 0) {
    throw new TaskError('TASK_INVALID', 'cannot make a chain of nothing: give it a signature')
  }
  const publisher = publisherOf(all)
  const links = { isOnHeader: publisher.linksChordHeaders }
  const steps = tasksOf(chainDict(all)).flatMap((step) =>
    hasOnlyLinks(step) ? linkedSteps(step, links).map(unrolled) : [unrolled(step)],
  )
  return new Signature(publisher, chainDict(groupsToChords(withoutEmptyGroups(steps), links)))
}

/** Tasks side by side. */
export function group<const Members extends Signatures>(
  ...members: Members
): Group<MemberOf<Members[number]>>
export function group<const Members extends Signatures>(
  members: Members,
): Group<MemberOf<Members[number]>>
export function group(...members: readonly unknown[]): Group {
  const all = signaturesOf('group', members)
  return new Group(publisherOf(all), groupDict(all))
}

/** A group's results, all together, as the first argument of `body`. */
export function chord<Value>(
  header: Signature | Signatures,
  body: Signature<Value>,
): Signature<Value> {
  const [last] = signaturesOf('chord', [body])
  const whole = header instanceof Group ? header : group(signaturesOf('chord', [header].flat()))
  return new Signature<Value>(last?.publisher ?? emptyGroupPublisher, chordDict(whole, body))
}

/** A chain within a chain is its steps, as in Celery, whose workers drop its callbacks otherwise. Other options stay its own. */
function hasOnlyLinks(dict: SignatureDict): boolean {
  const { link: _callbacks, link_error: _errbacks, ...others } = dict.options
  return isChain(dict) && dict.args.length + Object.keys(others).length === 0
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
