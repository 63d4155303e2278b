import { randomUUID } from 'node:crypto'
import { posix } from 'node:path'
import { sleep } from '../../../async/sleep.ts'
import { shuffled } from '../../../shuffled.ts'
import type { Task } from '../../atoms/task.ts'
import type { Flow } from '../../patterns/flow.ts'
import type { FlowStore } from '../../storage/flow-store.ts'
import { JobFailure, JobNotFound, UnclaimableJob } from '../board-errors.ts'
import type { Claim, Job, PostOptions } from '../job.ts'
import type { AwaitedSignal, JobBoard, JobFilter, ListOptions } from '../job-board.ts'
import { runToResume } from '../job-resume.ts'
import { detailsOf } from '../job-row.ts'
import { nextRun } from '../job-schedule.ts'
import { matches, waitForJobs } from '../job-search.ts'
import {
  change,
  isJob,
  JOB,
  lockOf,
  NUMBER_LENGTH,
  type Posted,
  readJobs,
  withoutFree,
} from './posted-jobs.ts'
import { bytesOf, jobOf, newJobOf, newPosting, type PostedDetails } from './posting.ts'
import { SessionKeeper } from './session-keeper.ts'
import { woken, ZookeeperClaim } from './zookeeper-claim.ts'
import { type Entity, ZookeeperEntities } from './zookeeper-entities.ts'
import { ZookeeperNews } from './zookeeper-news.ts'
import {
  EPHEMERAL,
  isConflict,
  PERSISTENT_SEQUENTIAL,
  type ZookeeperSession,
} from './zookeeper-session.ts'
import { ZookeeperTrash } from './zookeeper-trash.ts'

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

const SESSION_MS = 10_000
const LOOK_FOR_END_MS = 100

/** Jobs in ZooKeeper, laid out as TaskFlow and Zag do, so that conductors of both languages share a board. */
export class ZookeeperBoard implements JobBoard {
  readonly name: string
  readonly store: FlowStore
  readonly #entities: ZookeeperEntities
  readonly #news: ZookeeperNews
  readonly #trash: ZookeeperTrash
  readonly #sessions: SessionKeeper
  #isClosed = false

  constructor(options: ZookeeperBoardOptions) {
    const { path = '/taskflow/jobs', store, hosts, sessionMs = SESSION_MS } = options
    if (!posix.isAbsolute(path) || posix.dirname(path) === '/')
      throw new JobFailure(`the path of a board is "${path}", expected one such as /taskflow/jobs`)
    this.name = path
    this.store = store
    this.#entities = new ZookeeperEntities(posix.join(posix.dirname(path), '.entities'))
    this.#news = new ZookeeperNews(path)
    this.#trash = new ZookeeperTrash(path)
    this.#sessions = new SessionKeeper({
      hosts,
      sessionMs,
      onOpen: async (session) => await this.#setUp(session),
    })
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
    const posting = newPosting({ name, priority, details })
    const session = await this.#session()
    const path = await session.create(
      `${this.name}/${JOB}`,
      bytesOf(posting),
      PERSISTENT_SEQUENTIAL,
    )
    const node = await session.read(path)
    return node === undefined ? newJobOf(posting) : jobOf(posting, node, null)
  }

  /** Highest priority first, then oldest. */
  async jobs({ onlyUnclaimed = false, includeDelayed = false }: ListOptions = {}): Promise<Job[]> {
    return (await this.#posted())
      .map(({ job }) => job)
      .filter((job) => !onlyUnclaimed || job.state === 'UNCLAIMED')
      .filter((job) => includeDelayed || isDue(job))
  }

  async jobCount(): Promise<number> {
    return (await (await this.#session()).children(this.name)).filter(isJob).length
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
    return await waitForJobs(this, timeoutMs)
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
    await this.#trash.takeBack(await this.#session())
    const isOurs = ({ details: { flow, definition } }: Job): boolean =>
      (flow !== '' && (flows === undefined || flows.includes(flow))) ||
      (takesDefinitions && definition !== undefined)
    for (const posted of await this.#posted()) {
      if (!isFree(posted.job) || !isOurs(posted.job)) continue
      try {
        return await this.#take(posted, owner)
      } catch (error) {
        if (!(error instanceof UnclaimableJob)) throw error // another was quicker
      }
    }
    return undefined
  }

  async search(filter: JobFilter): Promise<Job[]> {
    return (await this.jobs({ includeDelayed: true })).filter((job) => matches(job, filter))
  }

  /** Trashes what matches; a running one ends without a revert. Answers how many. */
  async killAll(filter: JobFilter): Promise<number> {
    const session = await this.#session()
    const matching = (await this.#posted()).filter(({ job }) => matches(job, filter))
    let trashed = 0
    for (const { path } of matching) if (await this.#trash.put(session, path)) trashed += 1
    return trashed
  }

  /** Jobs that were given up, and why. */
  async trashed(): Promise<(Job & { readonly failure: unknown })[]> {
    return await this.#trash.jobs(await this.#session())
  }

  /** Puts a trashed job back on the board: its flow goes on where it was. */
  async replay(id: string): Promise<void> {
    await this.#trash.replay(await this.#session(), id)
  }

  /** Lets running atoms finish and keeps the job from our conductors until `resume`. */
  async suspend(id: string): Promise<void> {
    await this.#change(id, { is_held: true })
  }

  async resume(id: string): Promise<void> {
    await this.#change(id, { is_held: false })
  }

  /**
   * Runs a flow again from one of its steps, with some values changed; what came before must have succeeded and does not run
   * again. Its job, if it has one still, is replaced.
   */
  async resumeFrom(
    flowId: string,
    step: string,
    values: Readonly<Record<string, unknown>> = {},
  ): Promise<Job> {
    const posted = await this.#findPosted(flowId)
    const stored = await runToResume(this, posted?.job ?? flowId, step)
    if (posted !== undefined && posted.job.owner !== null)
      throw new UnclaimableJob(`the run ${stored.id} is under way: suspend it first`)
    const { flow, definition } = stored.source
    const { priority = 'NORMAL', name = flow, schedule = null } = posted?.job ?? {}
    const posting = newPosting({
      name,
      priority,
      details: {
        flow,
        store: values,
        ...(definition !== undefined && { definition }),
        ...(schedule !== null && { schedule }),
        flow_uuid: stored.id,
        resume_from: step,
      },
    })
    try {
      await (await this.#session()).commit((transaction) => {
        const all = posted ? withoutFree(transaction, posted) : transaction
        return all.create(`${this.name}/${JOB}`, bytesOf(posting), PERSISTENT_SEQUENTIAL)
      })
    } catch (error) {
      if (!isConflict(error)) throw error
      const message = `the job of the run ${stored.id} was changed meanwhile: try again`
      throw new UnclaimableJob(message, { cause: error })
    }
    return newJobOf(posting)
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
    if (posted === undefined || !isWaiting || posted.job.owner !== null) return
    const session = await this.#session()
    await change(session, posted.path, woken)
    await this.#news.announce(session)
  }

  async awaited(pattern: RegExp, limit: number): Promise<readonly AwaitedSignal[]> {
    const waiting = (await this.#posted()).filter(({ job }) => job.owner === null && !isDue(job))
    const found = waiting.flatMap(({ job: { flowId }, posting }) =>
      (posting.details.waits_for ?? []).map((signal) => ({ flowId, signal })),
    )
    return shuffled(found.filter(({ signal }) => pattern.test(signal))).slice(0, limit)
  }

  /** Registers a worker of this board; until the function returned is called, or the session ends. */
  async registerEntity(kind: string, name: string, metadata: object): Promise<() => Promise<void>> {
    const entity = { kind, name, metadata }
    await this.#entities.register(await this.#session(), entity)
    return async () => await this.#entities.unregister(await this.#session(), entity)
  }

  async entities(): Promise<readonly Entity[]> {
    return await this.#entities.list(await this.#session())
  }

  /** Resolves when a job has become due, and at the latest after so long; news by `listen` end it sooner. */
  async waitForNews(withinMs: number, signal?: AbortSignal): Promise<void> {
    const jobs = await this.jobs({ onlyUnclaimed: true, includeDelayed: true })
    const nextMs = jobs
      .map(({ runAt }) => (runAt === null ? withinMs : runAt.getTime() - Date.now()))
      .filter((ms) => ms > 0)
    const ms = nextMs.reduce((a, b) => Math.min(a, b), withinMs)
    if (signal?.aborted !== true) await sleep(Math.max(1, ms), signal).catch(() => undefined) // aborted: no news are wanted
  }

  async listen(onNews: () => void): Promise<() => Promise<void>> {
    const unlisten = this.#news.listen(onNews)
    await this.#session()
    return async () => unlisten()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#sessions.close()
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
      if (!isConflict(error)) throw error
      const message = `job ${posting.uuid} has another owner, or is gone`
      throw new UnclaimableJob(message, { cause: error })
    }
    const made = await session.read(lock)
    if (made === undefined) throw new UnclaimableJob(`job ${posting.uuid} was taken away`)
    return new ZookeeperClaim(session, {
      job: jobOf(posting, node, owner),
      owner,
      path,
      trashPath: this.#trash.pathFor(path),
      jobPrefix: path.slice(0, -NUMBER_LENGTH),
      epoch: made.madeBy,
      store: this.store,
      sinceMs,
    })
  }

  async #posted(): Promise<Posted[]> {
    return await readJobs(await this.#session(), this.name)
  }

  async #findPosted(id: string): Promise<Posted | undefined> {
    return (await this.#posted()).find(({ job }) => job.uuid === id || job.flowId === id)
  }

  async #change(id: string, details: Partial<PostedDetails>): Promise<void> {
    const found = await this.#findPosted(id)
    if (found === undefined) throw new JobNotFound(`board "${this.name}" has no such job: ${id}`)
    const session = await this.#session()
    const isThere = await change(session, found.path, () => details)
    if (!isThere) throw new JobNotFound(`board "${this.name}" has no such job: ${id}`)
    await this.#news.announce(session)
  }

  async #session(): Promise<ZookeeperSession> {
    if (this.#isClosed) throw new JobFailure(`board "${this.name}" is closed`)
    return await this.#sessions.current()
  }

  async #setUp(session: ZookeeperSession): Promise<void> {
    await session.ensurePath(this.name)
    await this.#trash.setUp(session)
    await this.#entities.registerAgain(session)
    await this.#news.setUp(session)
  }
}

function isFree(job: Job): boolean {
  return job.state === 'UNCLAIMED' && isDue(job) && !job.isHeld
}

function isDue({ runAt }: Job): boolean {
  return runAt !== null && runAt.getTime() <= Date.now()
}
