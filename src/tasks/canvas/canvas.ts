import { TaskError } from '../../errors.ts'
import type { CallOptions } from '../../protocol/call-options.ts'
import type { GroupResult } from '../../results/group-result.ts'
import { Signature } from '../signature.ts'
import { chainDict, chordDict, groupDict } from './dicts.ts'

/** Tasks one after another: each gets the result of the one before it as its first argument. */
export function chain(...steps: readonly Signature[]): Signature {
  return new Signature(publisherOf('chain', steps), chainDict(steps))
}

/** Tasks side by side. */
export function group(...members: readonly Signature[]): Group {
  return new Group(publisherOf('group', members), groupDict(members))
}

/** A group's results, all together, as the first argument of `body`. */
export function chord<Value>(
  header: Signature | readonly Signature[],
  body: Signature<Value>,
): Signature<Value> {
  const whole = header instanceof Signature ? header : groupDict(header)
  return new Signature<Value>(body.publisher, chordDict(whole, body))
}

/** A group's signature: calling it gives the results of its members. */
export class Group extends Signature<readonly unknown[]> {
  override async applyAsync(
    args: readonly unknown[] = [],
    options: CallOptions = {},
  ): Promise<GroupResult> {
    return this.publisher.groupResult(await this.publisher.start(this.toDict(), { args, options }))
  }

  override async delay(...args: readonly unknown[]): Promise<GroupResult> {
    return await this.applyAsync(args)
  }
}

function publisherOf(kind: string, signatures: readonly Signature[]): Signature['publisher'] {
  const [first] = signatures
  if (first === undefined) {
    throw new TaskError(
      'TASK_INVALID',
      `cannot make a ${kind} of nothing: give it at least one signature`,
    )
  }
  return first.publisher
}
