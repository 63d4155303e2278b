import { ByteReader } from '../byte-reader.ts'
import { OPERATIONS } from './pickle-opcodes.ts'
import { revivePickled } from './pickle-revive.ts'
import { PickleStack } from './pickle-stack.ts'

/**
 * Reads a pickle of protocol 0 to 5 without running anything in it. Plain data and a short list of well-known
 * classes become values; any other class becomes a `PythonObject`, which only records what was there.
 */
export function readPickle(bytes: Uint8Array): unknown {
  const run = { name: 'start', at: 0 }
  const reader = new ByteReader(bytes, () => `pickle at byte ${run.at} (${run.name})`)
  const stack = new PickleStack(reader)
  while (true) {
    run.at = reader.at
    run.name = 'end'
    const code = reader.byte()
    if (code === STOP) break
    const operation = OPERATIONS[code]
    if (operation === undefined)
      throw reader.fail(`expected an operation, found the byte 0x${code.toString(16)}`)
    run.name = operation.name
    operation.run(stack, reader)
  }
  run.name = 'STOP'
  return revivePickled(stack.pop(), reader)
}

const STOP = 0x2e
