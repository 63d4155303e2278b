import { UsageError } from '../../../errors.ts'
import type { CallEdit } from '../../../monitor/replay/call-edit.ts'
import { textOfError } from '../../../text-of-error.ts'

/** The value of --edit; a mistake in it is one of usage. */
export async function callEditOption(
  edit: Readonly<Record<string, unknown>> | undefined,
): Promise<CallEdit | undefined> {
  if (edit === undefined) return undefined
  const { callEdit } = await import('../../../monitor/replay/call-edit.ts')
  try {
    return callEdit(edit)
  } catch (cause) {
    const problem = textOfError(cause)
    throw new UsageError(`--edit: ${problem}`, { cause })
  }
}
