import { periodic } from '../../lifecycle/periodic.ts'
import { type Service, service } from '../../lifecycle/service.ts'
import type { Logger } from '../../logger.ts'
import type { Release, ResultStore, Unlock } from '../../results/result-store.ts'
import type { App } from '../../tasks/app/app.ts'
import { runInTaskContext } from '../../tasks/calls/current-request.ts'
import { releaseBody } from './chord-body.ts'
import { unlockOf } from './handed-over.ts'
import { readLeftBody } from './pending-chord-body.ts'

const LOOK_MS = 10_000
const STOP_MS = 10_000

interface Parts {
  readonly app: App
  readonly results: ResultStore
  readonly logger: Logger
}

/** Starts the bodies of chords whose last worker was lost before it could: at once, and then every ten seconds. */
export function abandonedChords({ app, results, logger }: Parts): Service {
  const { chords } = results
  if (chords?.releaseAbandoned === undefined) return service({ name: 'no abandoned chords' })
  const releaseOf = (text: string): Release | undefined => bodyReleaseOf(app, text)
  const unlock = (groupId: string, text: string): Unlock | undefined => {
    const left = readLeftBody(app, text)
    return left === undefined ? undefined : unlockOf(app, groupId, left)
  }
  const release = async (): Promise<void> => {
    const released = await chords.releaseAbandoned?.(releaseOf, unlock)
    if (released) {
      logger.warn({ chords: released }, 'started the bodies of chords whose workers were lost')
    }
  }
  const looking = periodic(release, {
    name: 'looking for abandoned chords',
    everyMs: LOOK_MS,
    logger,
  })
  return service({
    name: looking.name,
    start: async () => looking.start(),
    stop: async (withinMs) => {
      // A result store that does not answer keeps nothing else from its stop.
      await looking.stop({ withinMs: Math.min(withinMs, STOP_MS) }).catch((error: unknown) => {
        logger.warn({ err: error }, 'the worker stops while it starts the body of a lost chord')
      })
    },
  })
}

function bodyReleaseOf(app: App, text: string): Release | undefined {
  const left = readLeftBody(app, text)
  if (left === undefined) return undefined
  return async (members) => {
    await runInTaskContext(left.caller, async () => releaseBody(app, left.body, members))
  }
}
