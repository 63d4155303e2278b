import { randomUUID } from 'node:crypto'
import { posix } from 'node:path'
import { sleep } from '../../../async/sleep.ts'
import type { Task } from '../../atoms/task.ts'
import type { Flow } from '../../patterns/flow.ts'
import { encoded } from '../../storage/encoding.ts'
import type { FlowStore } from '../../storage/flow-store.ts'
import { JobFailure, JobNotFound, UnclaimableJob } from '../board-errors.ts'
import { type Claim, type Job, type PostOptions, rankOf } from '../job.ts'
import type { JobBoard, JobFilter, ListOptions } from '../job-board.ts'
import { detailsOf } from '../job-row.ts'
import { nextRun } from '../job-schedule.ts'
import {
  bytesOf,
  jobOf,
  type PostedDetails,
  type Posting,
  postingOf,
  trashedOf,
} from './posting.ts'
import { lockOf, wake, ZookeeperClaim } from './zookeeper-claim.ts'
import {
  EPHEMERAL,
  isCode,
  type Node,
  PERSISTENT,
  PERSISTENT_SEQUENTIAL,
  ZookeeperSession,
} from './zookeeper-session.ts'

export interface ZookeeperBoardOptions {
  /** "127.0.0.1:2181,…" */
  readonly hosts: string
  /** Where the runs of its flows are kept: a DatabaseStore, or a FileStore on a disk that all conductors share. */
  readonly store: FlowStore
  /** Default "/taskflow/jobs", as TaskFlow; Zag's is "/zag/jobs". */
  readonly path?: string
  /** After so much silence what a conductor has claimed is free again. Default 10 s. */
  readonly sessionMs?: number
}

interface Posted {
  readonly path: string
  readonly node: Node
  readonly posting: Posting
  readonly job: Job
}

const SESSION_MS = 10_000
const POLL_MS = 1_000
const LOOK_FOR_END_MS = 100
const JOB = 'job'
/** Conductors of TaskFlow pass over jobs that are called like this. */
const OURS = 'flow'

/** Jobs in ZooKeeper, laid out as TaskFlow and Zag do, so that conductors of both languages share a board. */
export class ZookeeperBoard implements JobBoard {
  readonly name: string
  readonly store: FlowStore
  readonly #options: ZookeeperBoardOptions
  readonly #entities = new Map<string, Buffer>()
  readonly #listeners = new Set<() => void>()
  #opening: Promise<ZookeeperSession> | undefined
  #isClosed = false

  constructor(options: ZookeeperBoardOptions) {
    const { path = '/taskflow/jobs', store } = options
    if (!posix.isAbsolute(path) || posix.dirname(path) === '/')
      throw new JobFailure(`the path of a board is "${path}", expected one such as /taskflow/jobs`)
    this.name = path
    this.store = store
    this.#options = options
  }

  async connect(): Promise<void> {
    await this.#session()
  }

  /** Posts a flow, by itself or by the name under which conductors know it, with the values it starts with. */
  async post(
    flow: Flow | Task | string | { readonly name: string; readonly definition: string },
    store: Readonly<Record<string, unknown>> = {},
    options: PostOptions = {},
  ): Promise<Job> {
    const known = detailsOf(flow, store)
    const { priority = 'NORMAL', delayMs = 0, schedule, flowId = randomUUID() } = options
    const { name = known.flow } = options
    const runAt = options.runAt ?? (schedule === undefined ? undefined : nextRun(schedule))
    const at = runAt?.getTime() ?? (delayMs > 0 ? Date.now() + delayMs : undefined)
    const details: PostedDetails = {
      ...known,
      flow_uuid: flowId,
      ...(at !== undefined && { run_at: at / 1000 }),
      ...(schedule !== undefined && { schedule }),
    }
    const posting = { uuid: randomUUID(), name, priority, details, book: { name, uuid: flowId } }
    const session = await this.#session()
    const path = await session.create(
      `${this.name}/${JOB}`,
      bytesOf(posting),
      PERSISTENT_SEQUENTIAL,
    )
    const node = await session.read(path)
    const now = new Date()
    return jobOf(posting, node ?? { ...NO_NODE, createdAt: now, modifiedAt: now }, null)
  }

  /** Highest priority first, then oldest. */
  async jobs({ onlyUnclaimed = false, includeDelayed = false }: ListOptions = {}): Promise<Job[]> {
    return (await this.#posted())
      .map(({ job }) => job)
      .filter((job) => !onlyUnclaimed || job.state === 'UNCLAIMED')
      .filter((job) => includeDelayed || isDue(job))
  }

  async jobCount(): Promise<number> {
    return (await this.#paths(await this.#session())).length
  }

  /** By the job's uuid or its flow's id. */
  async find(id: string): Promise<Job | undefined> {
    return (await this.#findPosted(id))?.job
  }

  async findOwner(id: string): Promise<string | null> {
    return (await this.find(id))?.owner ?? null
  }

  /** Resolves with what there is to do, as soon as there is something. Throws JobNotFound when time is up. */
  async wait({ timeoutMs = 60_000 }: { readonly timeoutMs?: number } = {}): Promise<Job[]> {
    const until = Date.now() + timeoutMs
    for (;;) {
      const jobs = await this.jobs({ onlyUnclaimed: true })
      if (jobs.length > 0) return jobs
      if (Date.now() >= until)
        throw new JobNotFound(`board "${this.name}" had no job within ${timeoutMs} ms`)
      await this.waitForNews(Math.min(until - Date.now(), POLL_MS))
    }
  }

  /** Resolves once the job has been consumed or trashed; false when time is up. */
  async waitForJob(
    id: string,
    { timeoutMs = 60_000 }: { readonly timeoutMs?: number } = {},
  ): Promise<boolean> {
    const until = Date.now() + timeoutMs
    while ((await this.find(id)) !== undefined) {
      if (Date.now() >= until) return false
      await sleep(Math.min(LOOK_FOR_END_MS, until - Date.now()))
    }
    return true
  }

  /** Claims this job; throws UnclaimableJob where another owner has it. */
  async claim(job: Job | string, owner: string): Promise<Claim> {
    const uuid = typeof job === 'string' ? job : job.uuid
    const posted = await this.#findPosted(uuid)
    if (posted === undefined) throw new JobNotFound(`board "${this.name}" has no job ${uuid}`)
    if (!isDue(posted.job)) throw new UnclaimableJob(`job ${uuid} is not due`)
    return await this.#take(posted, owner)
  }

  /** Jobs of flows that are not named, as those of Python's conductors, are left alone. */
  async claimNext(
    owner: string,
    flows?: readonly string[],
    { takesDefinitions = false }: { readonly takesDefinitions?: boolean } = {},
  ): Promise<Claim | undefined> {
    await this.#takeBack()
    for (const posted of await this.#posted()) {
      const { job } = posted
      const { flow, definition } = job.details
      const isKnown = flow !== '' && (flows === undefined || flows.includes(flow))
      const isOurs = isKnown || (takesDefinitions && definition !== undefined)
      if (!isOurs || job.state !== 'UNCLAIMED' || !isDue(job) || job.isHeld) continue
      try {
        return await this.#take(posted, owner)
      } catch (error) {
        if (!(error instanceof UnclaimableJob)) throw error // another was quicker
      }
    }
    return undefined
  }

  async search({ flow, store = {}, exclude = [] }: JobFilter): Promise<Job[]> {
    const jobs = await this.jobs({ includeDelayed: true })
    return jobs.filter(
      (job) =>
        (flow === undefined || job.details.flow === flow) &&
        !exclude.includes(job.uuid) &&
        Object.entries(store).every(
          ([key, value]) => encoded(job.details.store[key]) === encoded(value),
        ),
    )
  }

  /** Trashes what matches; a running one ends without a revert. Answers how many. */
  async killAll(filter: JobFilter): Promise<number> {
    const session = await this.#session()
    const uuids = new Set((await this.search(filter)).map(({ uuid }) => uuid))
    const matching = (await this.#posted()).filter(({ posting }) => uuids.has(posting.uuid))
    for (const { path, node, job, posting } of matching) {
      await session.commit((transaction) => {
        const moved = transaction
          .create(this.#trashPath(path), bytesOf(trashedOf(posting)), PERSISTENT)
          .remove(path, node.version)
        return job.owner === null ? moved : moved.remove(lockOf(path), -1)
      })
    }
    return matching.length
  }

  /** Jobs that were given up, and why. */
  async trashed(): Promise<(Job & { readonly failure: unknown })[]> {
    const posted = await this.#read(this.#folder('.trash'), [])
    return posted.map(({ job, posting }) => ({
      ...job,
      state: 'TRASHED' as const,
      failure: posting.details.failure ?? null,
    }))
  }

  /** Puts a trashed job back on the board: its flow goes on where it was. */
  async replay(id: string): Promise<void> {
    const trashed = await this.#read(this.#folder('.trash'), [])
    const found = trashed.find(({ job }) => job.uuid === id || job.flowId === id)
    if (found === undefined) throw new JobNotFound(`board "${this.name}" has no such job: ${id}`)
    const {
      attempts: _,
      failure: __,
      run_at: ___,
      is_trashed: ____,
      ...details
    } = found.posting.details
    const session = await this.#session()
    await session.commit((transaction) =>
      transaction
        .remove(found.path, found.node.version)
        .create(
          `${this.name}/${JOB}`,
          bytesOf({ ...found.posting, details }),
          PERSISTENT_SEQUENTIAL,
        ),
    )
  }

  /** Lets running atoms finish and keeps the job from our conductors until `resume`. */
  async suspend(id: string): Promise<void> {
    await this.#change(id, { is_held: true })
  }

  async resume(id: string): Promise<void> {
    await this.#change(id, { is_held: false })
  }

  /** Another schedule for a scheduled job, from now on. */
  async resetSchedule(id: string, schedule: string): Promise<void> {
    await this.#change(id, { schedule, run_at: Math.round(nextRun(schedule).getTime() / 1000) })
  }

  /** Gives a waiting flow its signal: an approval, a webhook's call. */
  async signal(flowId: string, name: string, value: unknown = null): Promise<void> {
    await this.store.sendSignal(flowId, name, value)
    const posted = await this.#findPosted(flowId)
    const isWaiting = posted?.posting.details.waits_for?.includes(name) === true
    if (posted !== undefined && isWaiting && posted.job.owner === null)
      await wake(await this.#session(), posted.path)
  }

  /** Says that somebody works on this board; until the function returned is called, or the session ends. */
  async registerEntity(kind: string, name: string, metadata: object): Promise<() => Promise<void>> {
    const path = `${this.#folder('.entities')}/${kind}/${name}`
    this.#entities.set(path, Buffer.from(encoded({ kind, name, metadata })))
    await this.#register(await this.#session(), path)
    return async () => {
      this.#entities.delete(path)
      await (await this.#session()).remove(path)
    }
  }

  async entities(): Promise<readonly { kind: string; name: string; metadata: unknown }[]> {
    const session = await this.#session()
    const folder = this.#folder('.entities')
    const found: { kind: string; name: string; metadata: unknown }[] = []
    for (const kind of await session.children(folder)) {
      for (const name of await session.children(`${folder}/${kind}`)) {
        const node = await session.read(`${folder}/${kind}/${name}`)
        const { metadata = null } = node === undefined ? {} : JSON.parse(node.data.toString('utf8'))
        found.push({ kind, name, metadata })
      }
    }
    return found
  }

  /** Resolves when a job has become due, and at the latest after so long; news by `listen` end it sooner. */
  async waitForNews(withinMs: number, signal?: AbortSignal): Promise<void> {
    const jobs = await this.jobs({ onlyUnclaimed: true, includeDelayed: true })
    const nextMs = jobs
      .map(({ runAt }) => (runAt === null ? POLL_MS : runAt.getTime() - Date.now()))
      .filter((ms) => ms > 0)
    const ms = Math.min(withinMs, POLL_MS, ...nextMs)
    if (signal?.aborted !== true) await sleep(Math.max(1, ms), signal).catch(() => undefined) // aborted: no news are wanted
  }

  async listen(onNews: () => void): Promise<() => Promise<void>> {
    this.#listeners.add(onNews)
    await this.#session()
    return async () => void this.#listeners.delete(onNews)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const session = await this.#opening?.catch(() => undefined)
    session?.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #take({ path, node, posting }: Posted, owner: string): Promise<Claim> {
    const session = await this.#session()
    const sinceMs = performance.now()
    const lock = lockOf(path)
    try {
      await session.commit((transaction) =>
        transaction
          .check(path, node.version)
          .create(lock, Buffer.from(JSON.stringify({ owner })), EPHEMERAL),
      )
    } catch (error) {
      if (!isCode(error, 'NODE_EXISTS', 'NO_NODE', 'BAD_VERSION')) throw error
      const message = `job ${posting.uuid} has another owner, or is gone`
      throw new UnclaimableJob(message, { cause: error })
    }
    const made = await session.read(lock)
    if (made === undefined) throw new UnclaimableJob(`job ${posting.uuid} was taken away`)
    return new ZookeeperClaim(session, {
      job: jobOf(posting, node, owner),
      owner,
      path,
      trashPath: this.#trashPath(path),
      jobPrefix: path.slice(0, -NUMBER_LENGTH),
      epoch: made.madeBy,
      store: this.store,
      sinceMs,
    })
  }

  /** A conductor of TaskFlow trashes what it cannot run. Our jobs among that come back, where it does not see them. */
  async #takeBack(): Promise<void> {
    const session = await this.#session()
    const trashed = await this.#read(this.#folder('.trash'), [])
    for (const { path, node, posting } of trashed) {
      const { flow, is_trashed: isMeant } = posting.details
      if (flow === undefined || isMeant === true) continue
      await session
        .commit((transaction) =>
          transaction
            .remove(path, node.version)
            .create(`${this.name}/${OURS}`, node.data, PERSISTENT_SEQUENTIAL),
        )
        .catch((error: unknown) => {
          if (!isCode(error, 'NO_NODE', 'BAD_VERSION')) throw error // another was quicker
        })
    }
  }

  async #posted(): Promise<Posted[]> {
    const session = await this.#session()
    return await this.#read(this.name, await session.children(this.name))
  }

  async #paths(session: ZookeeperSession): Promise<string[]> {
    return (await session.children(this.name)).filter(isJob)
  }

  /** The jobs of a folder; those with a lock among `siblings` have an owner. */
  async #read(folder: string, siblings: readonly string[]): Promise<Posted[]> {
    const session = await this.#session()
    const names = siblings.length > 0 ? siblings : await session.children(folder)
    const locks = new Set(names.filter((name) => name.endsWith('.lock')))
    const found = await Promise.all(
      names.filter(isJob).map(async (name): Promise<Posted[]> => {
        const path = `${folder}/${name}`
        const node = await session.read(path)
        const posting = node && postingOf(node)
        if (node === undefined || posting === undefined) return []
        const owner = locks.has(`${name}.lock`) ? await this.#ownerOf(session, path) : null
        return [{ path, node, posting, job: jobOf(posting, node, owner) }]
      }),
    )
    return found.flat().sort(byPriorityAndAge)
  }

  async #ownerOf(session: ZookeeperSession, path: string): Promise<string | null> {
    const lock = await session.read(lockOf(path))
    if (lock === undefined) return null
    try {
      return String(JSON.parse(lock.data.toString('utf8')).owner)
    } catch {
      return 'unknown'
    }
  }

  async #findPosted(id: string): Promise<Posted | undefined> {
    return (await this.#posted()).find(({ job }) => job.uuid === id || job.flowId === id)
  }

  async #change(id: string, details: Partial<PostedDetails>): Promise<void> {
    const found = await this.#findPosted(id)
    if (found === undefined) throw new JobNotFound(`board "${this.name}" has no such job: ${id}`)
    const { posting, path, node } = found
    const next = { ...posting, details: { ...posting.details, ...details } }
    await (await this.#session()).write(path, bytesOf(next), node.version)
    this.#tell()
  }

  #trashPath(path: string): string {
    return `${this.#folder('.trash')}/${posix.basename(path)}`
  }

  /** Beside the board's own. */
  #folder(name: '.trash' | '.entities'): string {
    return posix.join(posix.dirname(this.name), name)
  }

  /** One at a time; where the last is over, another. */
  async #session(): Promise<ZookeeperSession> {
    if (this.#isClosed) throw new JobFailure(`board "${this.name}" is closed`)
    const last = await this.#opening?.catch(() => undefined)
    if (last === undefined || last.isOver) this.#opening = this.#open(this.#opening)
    return await (this.#opening as Promise<ZookeeperSession>) // set just now, or found
  }

  async #open(before: Promise<ZookeeperSession> | undefined): Promise<ZookeeperSession> {
    const last = await before?.catch(() => undefined)
    if (last !== undefined && !last.isOver) return last
    const { hosts, sessionMs = SESSION_MS } = this.#options
    const session = await ZookeeperSession.open(hosts, sessionMs)
    await session.ensurePath(this.name)
    await session.ensurePath(this.#folder('.trash'))
    for (const path of this.#entities.keys()) await this.#register(session, path)
    await this.#watch(session)
    return session
  }

  async #register(session: ZookeeperSession, path: string): Promise<void> {
    const data = this.#entities.get(path)
    if (data === undefined) return
    await session.ensurePath(posix.dirname(path))
    await session.remove(path) // of a session before, which may not have ended yet
    await session.create(path, data, EPHEMERAL)
  }

  /** Watches tell once, and are set again. */
  async #watch(session: ZookeeperSession): Promise<void> {
    await session.watchChildren(this.name, () => {
      this.#tell()
      if (!session.isOver) this.#watch(session).catch(() => undefined) // jobs are looked for in any case
    })
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** Of the digits that ZooKeeper puts behind a name. */
const NUMBER_LENGTH = 10

const NO_NODE = { data: Buffer.alloc(0), version: 0, madeBy: 0 } as const

function isJob(name: string): boolean {
  return /^(?:job|flow)\d+$/.test(name)
}

function isDue({ runAt }: Job): boolean {
  return runAt !== null && runAt.getTime() <= Date.now()
}

/** The number behind a job's name grows with each. */
function byPriorityAndAge(one: Posted, other: Posted): number {
  const byPriority = rankOf(other.posting.priority) - rankOf(one.posting.priority)
  const numberOf = ({ path }: Posted) => path.slice(-NUMBER_LENGTH)
  return byPriority || (numberOf(one) < numberOf(other) ? -1 : 1)
}
