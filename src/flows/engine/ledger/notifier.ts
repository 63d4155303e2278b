import type { Logger } from '../../../logger.ts'
import type { AtomState, FlowState } from '../states.ts'

interface FlowNotice {
  readonly name: string
  readonly flowId: string
  readonly state: FlowState
  readonly oldState: FlowState
  readonly result?: undefined
}

interface AtomNotice {
  readonly name: string
  readonly id: string
  readonly flowId: string
  readonly state: AtomState
  readonly oldState: AtomState
  /** For SUCCESS, FAILURE, REVERTED and REVERT_FAILURE. */
  readonly result?: unknown
}

interface ProgressNotice {
  readonly name: string
  readonly progress: number
  readonly details: unknown
}

export interface Notices {
  flow: FlowNotice
  task: AtomNotice
  retry: AtomNotice
  progress: ProgressNotice
}

type Listener<Type extends keyof Notices> = (notice: Notices[Type]) => void

/** Notifies listeners of transitions. A listener that throws is logged and stops nothing. */
export class Notifier {
  readonly #listeners: { [Type in keyof Notices]: Set<Listener<Type>> } = {
    flow: new Set(),
    task: new Set(),
    retry: new Set(),
    progress: new Set(),
  }
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** The function returned takes the listener away again. */
  on<Type extends keyof Notices>(type: Type, listener: Listener<Type>): () => void {
    const listeners = this.#listeners[type]
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  isHeard(type: keyof Notices): boolean {
    return this.#listeners[type].size > 0
  }

  notify<Type extends keyof Notices>(type: Type, notice: Notices[Type]): void {
    for (const listener of this.#listeners[type]) {
      try {
        listener(notice)
      } catch (error) {
        this.#logger.warn({ err: error, type, name: notice.name }, 'a listener of a flow failed')
      }
    }
  }
}
