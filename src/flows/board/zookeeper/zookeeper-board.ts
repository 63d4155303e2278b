import { randomUUID } from 'node:crypto'
import { posix } from 'node:path'
import { sleep } from '../../../async/sleep.ts'
import { shuffled } from '../../../shuffled.ts'
import type { Task } from '../../atoms/task.ts'
import type { Flow } from '../../patterns/flow.ts'
import type { FlowStore } from '../../storage/flow-store.ts'
import { BaseBoard, matches } from '../base-board.ts'
import { JobFailure, JobNotFound, UnclaimableJob } from '../board-errors.ts'
import { type Claim, detailsOf, type Job, type PostOptions } from '../job.ts'
import type { AwaitedSignal, JobBoard, JobFilter, ListOptions } from '../job-board.ts'
import { runToResume } from '../job-resume.ts'
import { nextRun } from '../job-schedule.ts'
import { newPosting, type PostedDetails, postedDetailsOf } from './posting.ts'
import { SessionKeeper } from './session-keeper.ts'
import { type Entity, ZookeeperEntities } from './zookeeper-entities.ts'
import { isDue, isFree, ZookeeperJobs } from './zookeeper-jobs.ts'
import { ZookeeperNews } from './zookeeper-news.ts'
import type { ZookeeperSession } from './zookeeper-session.ts'
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

/** Jobs in ZooKeeper, laid out as TaskFlow and Zag do, so that conductors of both languages share a board. */
export class ZookeeperBoard extends BaseBoard implements JobBoard {
  readonly name: string
  readonly store: FlowStore
  readonly #jobs: ZookeeperJobs
  readonly #entities: ZookeeperEntities
  readonly #news: ZookeeperNews
  readonly #trash: ZookeeperTrash
  readonly #sessions: SessionKeeper
  #isClosed = false

  constructor(options: ZookeeperBoardOptions) {
    super()
    const { path = '/taskflow/jobs', store, hosts, sessionMs = SESSION_MS } = options
    if (!posix.isAbsolute(path) || posix.dirname(path) === '/')
      throw new JobFailure(`the path of a board is "${path}", expected one such as /taskflow/jobs`)
    this.name = path
    this.store = store
    this.#entities = new ZookeeperEntities(posix.join(posix.dirname(path), '.entities'))
    this.#news = new ZookeeperNews(path)
    this.#trash = new ZookeeperTrash(path)
    this.#jobs = new ZookeeperJobs({
      folder: path,
      store,
      trash: this.#trash,
      news: this.#news,
    })
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
    return await this.#jobs.add(await this.#session(), newPosting({ name, priority, details }))
  }

  async jobs({ onlyUnclaimed = false, includeDelayed = false }: ListOptions = {}): Promise<Job[]> {
    return (await this.#jobs.all(await this.#session()))
      .map(({ job }) => job)
      .filter((job) => !onlyUnclaimed || job.state === 'UNCLAIMED')
      .filter((job) => includeDelayed || isDue(job))
  }

  async jobCount(): Promise<number> {
    return await this.#jobs.count(await this.#session())
  }

  async find(id: string): Promise<Job | undefined> {
    return (await this.#jobs.find(await this.#session(), id))?.job
  }

  /** Claims this job; throws UnclaimableJob where another owner has it. */
  async claim(job: Job | string, owner: string): Promise<Claim> {
    const uuid = typeof job === 'string' ? job : job.uuid
    const session = await this.#session()
    const posted = await this.#jobs.find(session, uuid)
    if (posted === undefined) throw new JobNotFound(`board "${this.name}" has no job ${uuid}`)
    if (!isDue(posted.job)) throw new UnclaimableJob(`job ${uuid} is not due`)
    return await this.#jobs.claim(session, posted, owner)
  }

  /** Jobs of flows that are not named, as those of Python's conductors, are left alone. */
  async claimNext(
    owner: string,
    flows?: readonly string[],
    { takesDefinitions = false }: { readonly takesDefinitions?: boolean } = {},
  ): Promise<Claim | undefined> {
    const session = await this.#session()
    await this.#trash.takeBack(session)
    const isOurs = ({ details: { flow, definition } }: Job): boolean =>
      (flow !== '' && (flows === undefined || flows.includes(flow))) ||
      (takesDefinitions && definition !== undefined)
    for (const posted of await this.#jobs.all(session)) {
      if (!isFree(posted.job) || !isOurs(posted.job)) continue
      try {
        return await this.#jobs.claim(session, posted, owner)
      } catch (error) {
        if (!(error instanceof UnclaimableJob)) throw error // another was quicker
      }
    }
    return undefined
  }

  /** Trashes what matches; a running one ends without a revert. Answers how many. */
  async killAll(filter: JobFilter): Promise<number> {
    const session = await this.#session()
    const matching = (await this.#jobs.all(session)).filter(({ job }) => matches(job, filter))
    let trashed = 0
    for (const { path } of matching) if (await this.#trash.put(session, path)) trashed += 1
    return trashed
  }

  /** Jobs that were given up, and why. */
  async trashed(): Promise<(Job & { readonly failure: unknown })[]> {
    return await this.#trash.jobs(await this.#session())
  }

  /** Puts a trashed job back on the board: a conductor resumes its flow where it was. */
  async replay(id: string): Promise<void> {
    await this.#trash.replay(await this.#session(), id)
  }

  /** Lets running atoms finish and keeps the job from our conductors until `resume`. */
  async suspend(id: string): Promise<void> {
    await this.#change(id, () => ({ is_held: true }))
  }

  async resume(id: string): Promise<void> {
    await this.#change(id, () => ({ is_held: false }))
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
    const session = await this.#session()
    const posted = await this.#jobs.find(session, flowId)
    const { id, details } = await runToResume(this, posted?.job ?? flowId, { step, values })
    if (posted !== undefined && posted.job.owner !== null)
      throw new UnclaimableJob(`the run ${id} is under way: suspend it first`)
    const { priority = 'NORMAL', name = details.flow, schedule = null } = posted?.job ?? {}
    const posting = newPosting({
      name,
      priority,
      details: {
        ...postedDetailsOf(details),
        ...(schedule !== null && { schedule }),
        flow_uuid: id,
      },
    })
    return await this.#jobs.replace(session, posted, posting)
  }

  /** A job's schedule from now on. */
  async resetSchedule(id: string, schedule: string): Promise<void> {
    const runAt = Math.round(nextRun(schedule).getTime() / 1000)
    // The owner of a job resumes its run first.
    await this.#change(id, ({ owner }) => ({ schedule, ...(owner === null && { run_at: runAt }) }))
  }

  /** Gives a waiting flow its signal: an approval, a webhook's call. */
  async signal(flowId: string, name: string, value: unknown = null): Promise<void> {
    await this.store.sendSignal(flowId, name, value)
    const session = await this.#session()
    if (await this.#jobs.wake(session, flowId, name)) await this.#news.announce(session)
  }

  async awaited(pattern: RegExp, limit: number): Promise<readonly AwaitedSignal[]> {
    const found = await this.#jobs.awaited(await this.#session())
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

  async #change(id: string, changes: (job: Job) => Partial<PostedDetails>): Promise<void> {
    const session = await this.#session()
    await this.#jobs.change(session, id, changes)
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
