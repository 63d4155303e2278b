import type { FlowEvent, FlowStore, UsedSignal } from '../../storage/flow-store.ts'
import type { AtomRecord, FlowRecord } from '../../storage/records.ts'
import type { Notices, Notifier } from './notifier.ts'

export interface TransitionOptions {
  readonly notifier: Notifier
  readonly store: FlowStore | undefined
  readonly epoch: number | undefined
  /** Makes the events that are stored with each transition. */
  readonly eventOf: ((notice: Notice) => FlowEvent | undefined) | undefined
  /** Called with each event once its transition is stored. */
  readonly onEvent?: ((event: FlowEvent) => void) | undefined
}

export type Notice = {
  [Type in keyof Notices]: { type: Type; notice: Notices[Type] }
}[keyof Notices]

/** Changes of a run gather here until `flush` stores them as one transition, and only then notifies listeners. */
export class Transitions {
  readonly #flow: FlowRecord
  readonly #options: TransitionOptions
  readonly #changed = new Set<AtomRecord>()
  #notices: Notice[] = []
  #used: UsedSignal[] = []
  #isFlowChanged: boolean
  #saving: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(flow: FlowRecord, { isNew, ...options }: TransitionOptions & { isNew: boolean }) {
    this.#flow = flow
    this.#options = options
    this.#isFlowChanged = isNew
  }

  /** Whether an atom has changed since the last transition. */
  get hasChangedAtoms(): boolean {
    return this.#changed.size > 0
  }

  changeAtom(record: AtomRecord): void {
    this.#changed.add(record)
  }

  changeFlow(): void {
    this.#isFlowChanged = true
  }

  /** Listeners are notified of it once the transition is stored. */
  announce(notice: Notice): void {
    this.#notices.push(notice)
  }

  /** The signal is deleted with the next transition. */
  useSignal(signal: UsedSignal): void {
    this.#used.push(signal)
  }

  /**
   * Stores what has changed as one transition, then notifies listeners. Undefined where nothing is to be awaited. One save at a
   * time, as two could be stored out of order: changes meanwhile are stored by the next one, or fail with the one before.
   */
  flush(): Promise<void> | undefined {
    if (this.#options.store === undefined) {
      this.#changed.clear()
      this.#publishEvents(this.#events())
      return undefined
    }
    if (this.#next !== undefined) return this.#next
    if (this.#changed.size === 0 && !this.#isFlowChanged) return this.#saving
    if (this.#saving === undefined) return this.#save(this.#options.store)
    this.#next = this.#saveAfter(this.#saving, this.#options.store)
    return this.#next
  }

  async #saveAfter(saving: Promise<void>, store: FlowStore): Promise<void> {
    try {
      await saving
    } finally {
      this.#next = undefined
    }
    await this.#save(store)
  }

  #save(store: FlowStore): Promise<void> | undefined {
    const { epoch } = this.#options
    const notices = this.#notices
    const events = this.#events()
    const atoms = [...this.#changed]
    const used = this.#used
    this.#changed.clear()
    this.#used = []
    this.#isFlowChanged = false
    const saving = store.save({ flow: this.#flow, atoms, events, used, epoch })
    if (saving === undefined) {
      this.#publishEvents(events)
      return undefined
    }
    this.#notices = []
    this.#saving = this.#notifyOnceSaved(saving, { atoms, notices, used, events })
    return this.#saving
  }

  async #notifyOnceSaved(
    saving: Promise<void>,
    { atoms, notices, used, events }: Saved,
  ): Promise<void> {
    try {
      await saving
    } catch (error) {
      // A later save, of an atom that still runs or of another run, must not leave this one out.
      for (const atom of atoms) this.#changed.add(atom)
      this.#isFlowChanged = true
      this.#notices = [...notices, ...this.#notices]
      this.#used = [...used, ...this.#used]
      throw error
    } finally {
      this.#saving = undefined
    }
    this.#notify(notices)
    this.#notifyEach(events)
  }

  /** What the changes since the last transition are to others. */
  #events(): readonly FlowEvent[] {
    const { eventOf } = this.#options
    return eventOf === undefined ? [] : this.#notices.flatMap((notice) => eventOf(notice) ?? [])
  }

  /** A listener may cause more, e.g. by suspending: listeners are notified of that too. */
  #publishEvents(events: readonly FlowEvent[]): void {
    this.#notifyEach(events)
    while (this.#notices.length > 0) {
      const notices = this.#notices
      this.#notices = []
      this.#notify(notices)
    }
  }

  #notifyEach(events: readonly FlowEvent[]): void {
    const { onEvent } = this.#options
    if (onEvent !== undefined) for (const event of events) onEvent(event)
  }

  #notify(notices: readonly Notice[]): void {
    for (const { type, notice } of notices) this.#options.notifier.notify(type, notice as never)
  }
}

interface Saved {
  readonly atoms: readonly AtomRecord[]
  readonly notices: readonly Notice[]
  readonly used: readonly UsedSignal[]
  readonly events: readonly FlowEvent[]
}
