import { Op, PickleOutput } from '../codecs/pickle/pickle-output.ts'
import { PythonObject } from '../codecs/values.ts'
import { ResultError } from '../errors.ts'
import { type ResultNode, type ResultTuple, taskIdsOf } from './result-node.ts'

export function groupTuple(groupId: string, memberIds: readonly string[]): ResultTuple {
  return [[groupId, null], memberIds.map((id): ResultTuple => [[id, null], null])]
}

/**
 * What `GroupResult.save()` keeps, for Python to read: the call `celery.result.result_from_tuple(group)`, which all
 * versions have. The object itself would hold the backend with its password.
 */
export function groupPickle(groupId: string, memberIds: readonly string[]): Buffer {
  const out = new PickleOutput()
  out.start()
  out.text('celery.result')
  out.text('result_from_tuple')
  out.op(Op.STACK_GLOBAL)
  writeTuple(out, groupTuple(groupId, memberIds))
  out.op(Op.TUPLE1)
  out.op(Op.REDUCE)
  return out.finish()
}

/**
 * The ids of the tasks in a saved group: in the tuple above, in the object graphs that Python pickled, and in our
 * calls; null where there are none to be found. Nothing in a pickle is ever called.
 */
export function memberIdsOf(saved: unknown): readonly string[] | null {
  return resultTree(saved)?.members?.flatMap(taskIdsOf) ?? null
}

/** The same with its groups of groups; null where it is no result. */
export function resultTree(saved: unknown): ResultNode | null {
  return new TreeReading().node(saved, MAX_DEPTH)
}

/** Results nest by groups of groups, and by the steps before them. */
const MAX_DEPTH = 1_000

function writeTuple(out: PickleOutput, [[id], members]: ResultTuple): void {
  out.op(Op.MARK)
  out.op(Op.MARK)
  out.text(id)
  out.op(Op.NONE)
  out.op(Op.TUPLE)
  if (members === null) {
    out.op(Op.NONE)
  } else {
    out.op(Op.EMPTY_LIST)
    out.op(Op.MARK)
    for (const member of members) writeTuple(out, member)
    out.op(Op.APPENDS)
  }
  out.op(Op.TUPLE)
}

type NodeParts = { readonly [Part in keyof ResultNode]: unknown }

/** Each value is read once, however often a pickle shares it; one that is inside itself is no result there. */
class TreeReading {
  readonly #read = new Map<unknown, ResultNode | null>()

  node(value: unknown, depth: number): ResultNode | null {
    if (depth === 0 || typeof value !== 'object') return null
    const before = this.#read.get(value)
    if (before !== undefined) return before
    this.#read.set(value, null)
    const node = this.#nodeOf(value, depth)
    this.#read.set(value, node)
    return node
  }

  #nodeOf(value: object | null, depth: number): ResultNode | null {
    if (value instanceof PythonObject) return this.#ofObject(value, depth)
    if (!Array.isArray(value) || value.length !== 2) return null
    const [key, members] = value
    const [id, parent] = Array.isArray(key) ? key : [key]
    return this.#of({ id, members, parent }, depth)
  }

  #ofObject({ path, name, args }: PythonObject, depth: number): ResultNode | null {
    if (path === 'celery.result.result_from_tuple') return this.node(args[0], depth - 1)
    // Python names the class by a call that finds it in the reader's app.
    if (path === 'celery.app.base._unpickle_appattr') {
      const [className, parts] = args
      return Array.isArray(parts) ? this.#instance(className, parts, depth) : null
    }
    return this.#instance(name, args, depth)
  }

  #instance(className: unknown, parts: readonly unknown[], depth: number): ResultNode | null {
    const [id, members] = parts
    return className === 'GroupResult'
      ? this.#of({ id, members, parent: null }, depth)
      : this.#of({ id, members: null, parent: parts[PARENT_PART] }, depth)
  }

  #of({ id, members, parent }: NodeParts, depth: number): ResultNode | null {
    if (typeof id !== 'string') return null
    const before = { id, parent: this.node(parent, depth - 1) }
    if (!Array.isArray(members)) return { ...before, members: null }
    const nodes = members.map((member) => this.node(member, depth - 1))
    return { ...before, members: nodes.filter((each) => each !== null) }
  }
}

/** Python pickles an AsyncResult as id, backend, name, app and parent. */
const PARENT_PART = 4

/** The cause is left out: what Python pickles there holds the password of its backend. */
export function unreadableGroup(groupId: string): ResultError {
  return new ResultError(
    'RESULT_UNREADABLE',
    `the saved group "${groupId}" cannot be read: expected a GroupResult as Celery saves it`,
  )
}
