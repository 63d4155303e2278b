import { appendFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { SoftTimeLimitExceeded, type TaskContext } from '../../../src/index.ts'
import type { Args, Declare } from './declare.ts'
import { builtinError } from './python-errors.ts'

export function addPlainTasks(declare: Declare): void {
  declare('identity', (_self, [x]) => x, { params: ['x'] })
  const xyz = { params: ['x', 'y', 'z'] }
  declare('add', (_self, args) => added(args), xyz)
  declare('mul', (_self, [x, y]) => Number(x) * Number(y), { params: ['x', 'y'] })
  declare('add_not_typed', (_self, args) => added(args), { params: ['x', 'y'] })
  declare('add_ignore_result', (_self, args) => added(args), { ...xyz, ignoreResult: true })
  declare('add_with_result', (_self, args) => added(args), { ...xyz, ignoreResult: false })
  declare('tsum', (_self, [numbers]) => sumOf(numbers), { params: ['nums'] })
  declare('xsum', (_self, [numbers]) => sumOf(itemsOf(numbers).map(flatSum)), { params: ['nums'] })
  declare('delayed_sum', async (self, args) => delayedSum(self, args), {
    params: ['numbers', 'pause_time'],
  })
  declare('delayed_sum_with_soft_guard', async (self, args) => guardedSum(self, args), {
    params: ['numbers', 'pause_time'],
  })
  declare('sleeping', async (_self, [seconds]) => {
    await wait(Number(seconds) * 1_000)
    return null
  })
  declare('print_unicode', () => null, { params: ['log_message', 'print_message'] })
  declare('return_exception', (_self, [error]) => [error, true], { params: ['e'] })
  declare('replaced_with_me', () => true)
  for (const name of ['add_pydantic', 'add_pydantic_string_annotations']) {
    declare(name, (_self, [data]) => ({ result: pairSum(data) }), { params: ['data'] })
  }
  declare('write_to_file_and_return_int', (_self, [file, number]) => {
    appendFileSync(String(file), `${String(number)}\n`)
    return number
  })
}

function added([x, y, z]: Args): unknown {
  const sum = plus(x, y)
  return z ? plus(sum, z) : sum
}

/** Python's `+`: of numbers, of texts, of lists, and of nothing else. */
function plus(x: unknown, y: unknown): unknown {
  if (typeof x === 'number' && typeof y === 'number') return x + y
  if (typeof x === 'string' && typeof y === 'string') return x + y
  if (Array.isArray(x) && Array.isArray(y)) return [...x, ...y]
  throw builtinError(
    'TypeError',
    `unsupported operand type(s) for +: ${kindOf(x)} and ${kindOf(y)}`,
  )
}

export function sumOf(numbers: unknown): unknown {
  return itemsOf(numbers).reduce((sum, one) => plus(sum, one), 0)
}

function flatSum(one: unknown): unknown {
  return Array.isArray(one) ? sumOf(one) : one
}

function itemsOf(list: unknown): readonly unknown[] {
  if (Array.isArray(list)) return list
  throw builtinError('TypeError', `'${kindOf(list)}' object is not iterable`)
}

function kindOf(value: unknown): string {
  return value === null || value === undefined ? 'NoneType' : typeof value
}

async function delayedSum(_self: TaskContext, [numbers, pause = 1]: Args): Promise<unknown> {
  await wait(Number(pause) * 1_000)
  return sumOf(numbers)
}

async function guardedSum(self: TaskContext, [numbers, pause = 1]: Args): Promise<unknown> {
  try {
    await wait(Number(pause) * 1_000, undefined, { signal: self.signal })
    return sumOf(numbers)
  } catch (error) {
    if (self.signal.reason instanceof SoftTimeLimitExceeded) return 0
    throw error
  }
}

function pairSum(data: unknown): number {
  const { x, y } = data as { readonly x: number; readonly y: number } // as the suite's callers send it
  return x + y
}
