import type { FieldDifference } from './published.ts'

/** A kind of field that differs from what Python publishes, and stays so, with its reason. */
interface ListedField {
  readonly why: string
  readonly isOne: (field: string, difference: FieldDifference) => boolean
}

export const LISTED_FIELDS: readonly ListedField[] = [
  {
    why: '`root_id`, `parent_id`, `group_id` and `chord` in the options of signatures within signatures: a task has them from its own message; Python writes some of them beside the signature as well',
    isOne: (field) => /\.options\.(?:root_id|parent_id|group_id|chord)$/.test(field),
  },
  {
    why: 'a chain within a chain has the id of its last step in its options',
    isOne: (field, { node }) => field.endsWith('.options.task_id') && node !== 'absent',
  },
  {
    why: '`add_to_parent` in the options of a chord’s body, which is for the process that starts it',
    isOne: (field) => field.endsWith('.options.add_to_parent'),
  },
  {
    why: '`argsrepr` of an immutable step shows a tuple, as at its first call; Python shows the list that it was read as',
    isOne: (field) => field === 'headers.argsrepr',
  },
  {
    why: 'where a group contains groups, `group_index` counts the members of all of them from 0; Python counts from 0 in each inner group',
    isOne: (field) => /^headers\.group_index$|\.options\.group_index$/.test(field),
  },
  {
    why: 'callbacks of a chain that ends with a chord stand in the options of its body; Python writes them beside the chord, where workers of 5.2 take them for callbacks of its header',
    isOne: (field) => /^body\[\]\.chain\[\].*\.options\.link$/.test(field),
  },
  {
    why: 'the family of a chord’s body is that of the member that ended last; where members are replaced, that may be another one',
    isOne: (field, { python, node }) =>
      ['headers.root_id', 'headers.parent_id'].includes(field) &&
      [python, node].every((id) => id.startsWith('"')),
  },
]

/** Where in signatures it stands does not matter. */
export function fieldOf({ path }: FieldDifference): string {
  return path.replace(/\.\d+(?=\.|$)/g, '[]').replace(NESTED, '…')
}

export function isListed(difference: FieldDifference): boolean {
  const field = difference.path.replace(/\.\d+(?=\.|$)/g, '[]')
  return LISTED_FIELDS.some(({ isOne }) => isOne(field, difference))
}

/** A signature within a signature, and so on. */
const NESTED =
  /(?:(?:^|\.)(?:kwargs\.(?:tasks|header|body)|options\.(?:link|link_error|chain|chord)(?=[.[]))(?:\[\])?)+/g
