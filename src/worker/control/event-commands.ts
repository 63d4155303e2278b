import type { CommandFunction } from '../../control/mailbox.ts'
import type { WorkerEvents } from '../worker-events.ts'

/** The part of a worker's events that commands act on. */
export type ControlledEvents = Pick<WorkerEvents, 'enable' | 'disable' | 'beat' | 'emit'>

/** The commands about events, with Celery's names and answers. Monitors send them: Flower, `celery events`. */
export function eventCommands(
  events: () => ControlledEvents | undefined,
): readonly (readonly [string, CommandFunction])[] {
  return [
    ['enable_events', () => changed(events()?.enable(), 'enabled')],
    ['disable_events', () => changed(events()?.disable(), 'disabled')],
    ['heartbeat', () => events()?.beat()],
  ]
}

function changed(isChanged: boolean | undefined, state: string): { readonly ok: string } {
  return { ok: isChanged === true ? `task events ${state}` : `task events already ${state}` }
}
