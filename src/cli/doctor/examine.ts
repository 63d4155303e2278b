import type { CeleryApp } from '../../create-app.ts'
import { commandLogger, openApp } from '../app/open-app.ts'
import type { DatabaseOptions } from '../options/open-database.ts'
import { type Check, failed, ok } from './check.ts'
import { examineBroker } from './examine-broker.ts'
import { examineDatabase } from './examine-database.ts'
import { examineResults } from './examine-results.ts'

const OLDEST_NODE = [20, 19] as const

/** Looks at everything the toolbox needs, in the order of the journey; each check comes as soon as it is known. */
export async function* examine(options: DatabaseOptions): AsyncGenerator<Check> {
  yield nodeCheck(process.versions.node)
  const opened = await openedApp(options)
  if ('state' in opened) {
    yield opened
    return
  }
  await using app = opened
  yield ok('config', `${options.app ?? 'environment and .env'}, no mistakes`)
  // The checks say what is wrong; the log would say it again.
  if (options.debug === true) app.useLogger(await commandLogger(app.config, options))
  yield* examineBroker(app)
  yield await examineResults(app)
  yield* examineDatabase(app.config, options)
}

function nodeCheck(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldestMajor, oldestMinor] = OLDEST_NODE
  const isNew = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)
  return isNew
    ? ok('Node.js', version)
    : failed(
        'Node.js',
        version,
        `install ${OLDEST_NODE.join('.')} or newer from https://nodejs.org`,
      )
}

async function openedApp(options: DatabaseOptions): Promise<CeleryApp | Check> {
  try {
    return await openApp(options, { usesQueues: true })
  } catch (error) {
    return failed('config', error, 'mend these settings, then run the doctor again')
  }
}
