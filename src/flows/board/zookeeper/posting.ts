import { randomUUID } from 'node:crypto'
import { isRecord } from '../../../protocol/field-readers.ts'
import { decoded, encoded } from '../../storage/encoding.ts'
import { type Job, type JobDetails, PRIORITIES, type Priority } from '../job.ts'
import type { Node } from './zookeeper-session.ts'

/** A job as TaskFlow and Zag keep it; under `details` there is room for what is ours alone. */
export interface Posting {
  readonly uuid: string
  readonly name: string
  readonly priority: Priority
  readonly details: PostedDetails
  readonly book: { readonly name: string; readonly uuid: string }
}

export interface PostedDetails {
  readonly flow_uuid: string
  readonly store: Readonly<Record<string, unknown>>
  /** Unix seconds, as in Zag. Null where it waits for a signal alone. */
  readonly run_at?: number | null
  readonly schedule?: string | null
  /** The name under which our conductors know the flow; jobs of Python have none, and are left to Python's conductors. */
  readonly flow?: string
  readonly version?: string | null
  readonly definition?: string
  readonly resume_from?: string
  readonly resume_with?: Readonly<Record<string, unknown>>
  readonly attempts?: number
  readonly waits_for?: readonly string[]
  readonly is_held?: boolean
  readonly failure?: unknown
  /** One of ours has put it aside: it is not taken back. */
  readonly is_trashed?: boolean
}

/** A posting of a job that is new. */
export function newPosting(parts: Pick<Posting, 'name' | 'priority' | 'details'>): Posting {
  return {
    uuid: randomUUID(),
    ...parts,
    book: { name: parts.name, uuid: parts.details.flow_uuid },
  }
}

export function bytesOf(posting: Posting): Buffer {
  return Buffer.from(encoded(posting))
}

export function trashedOf(posting: Posting): Posting {
  return { ...posting, details: { ...posting.details, is_trashed: true } }
}

/** Undefined where it cannot be read: it is not ours to remove. */
export function postingOf({ data }: Node): Posting | undefined {
  try {
    const value = decoded(data.toString('utf8'))
    if (!isRecord(value) || typeof value.uuid !== 'string') return undefined
    const { uuid, name, priority, details, book } = value
    const known = isRecord(details) ? details : {}
    const ofBook = isRecord(book) ? book : {}
    const flowId = String(known.flow_uuid ?? ofBook.uuid ?? uuid)
    return {
      uuid,
      name: String(name),
      priority: PRIORITIES.find((one) => one === priority) ?? 'NORMAL',
      details: {
        ...known,
        flow_uuid: flowId,
        store: isRecord(known.store) ? known.store : {},
      },
      book: { name: String(ofBook.name ?? name), uuid: String(ofBook.uuid ?? flowId) },
    }
  } catch {
    return undefined
  }
}

/** The job of a posting that is posted now. */
export function newJobOf(posting: Posting): Job {
  const now = new Date()
  return jobOf(posting, { createdAt: now, modifiedAt: now }, null)
}

export function jobOf(
  { uuid, name, priority, details }: Posting,
  { createdAt, modifiedAt }: Pick<Node, 'createdAt' | 'modifiedAt'>,
  owner: string | null,
): Job {
  return {
    uuid,
    name,
    priority,
    flowId: details.flow_uuid,
    state: owner === null ? 'UNCLAIMED' : 'CLAIMED',
    details: detailsOf(details),
    owner,
    attempts: details.attempts ?? 0,
    runAt: runAtOf(details, createdAt),
    schedule: details.schedule ?? null,
    isHeld: details.is_held === true,
    createdOn: createdAt,
    lastModified: modifiedAt,
  }
}

export function postedDetailsOf({
  resumeFrom,
  resumeWith,
  ...details
}: JobDetails): Omit<PostedDetails, 'flow_uuid'> {
  return {
    ...details,
    ...(resumeFrom !== undefined && { resume_from: resumeFrom }),
    ...(resumeWith !== undefined && { resume_with: resumeWith }),
  }
}

function detailsOf({
  flow = '',
  version,
  definition,
  store,
  resume_from: resumeFrom,
  resume_with: resumeWith,
}: PostedDetails): JobDetails {
  return {
    flow,
    store,
    ...(version !== undefined && { version }),
    ...(definition !== undefined && { definition }),
    ...(resumeFrom !== undefined && { resumeFrom }),
    ...(resumeWith !== undefined && { resumeWith }),
  }
}

function runAtOf({ run_at: at }: PostedDetails, createdAt: Date): Date | null {
  if (at === null) return null
  return typeof at === 'number' ? new Date(at * 1000) : createdAt
}
