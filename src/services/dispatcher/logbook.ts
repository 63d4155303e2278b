import { accessSync, constants } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { indentedJson } from '../../codecs/json/indented-json.ts'
import { Float } from '../../codecs/values.ts'
import type { Logger } from '../../logger.ts'
import type { Recipe } from '../../recipes/index.ts'

interface LogbookEntry {
  readonly header: unknown
  readonly original: unknown
  readonly message: unknown
  readonly recipe: Recipe
}

/** A copy of each dispatched request: `DIR/YYYY-MM/ab/cdef…` by the request's guid. */
export class Logbook {
  readonly #folder: string
  readonly #log: Logger

  constructor(folder: string, log: Logger) {
    this.#folder = folder
    this.#log = log
  }

  /** Null where no location is set, or it cannot be written to. */
  static async open(location: unknown, log: Logger): Promise<Logbook | null> {
    if (typeof location !== 'string' || location === '') {
      log.info('logbook disabled: zocalo.dispatcher.logbook_location not defined')
      return null
    }
    try {
      await mkdir(location, { recursive: true, mode: 0o775 })
      accessSync(location, constants.R_OK | constants.W_OK | constants.X_OK)
      return new Logbook(location, log)
    } catch (cause) {
      log.error({ err: cause, location }, 'logbook disabled: it cannot be written to')
      return null
    }
  }

  /** A logbook that fails keeps no request from its way. */
  async write(guid: string, entry: LogbookEntry): Promise<void> {
    const clean = guid.replaceAll(/[^a-z0-9A-Z-]+/g, '')
    if (clean.length < 3) {
      this.#log.warn({ guid }, 'the guid has the wrong form, nothing is written to the logbook')
      return
    }
    const folder = join(this.#folder, monthOf(new Date()), clean.slice(0, 2))
    try {
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, clean.slice(2)), entryText(entry))
    } catch (cause) {
      this.#log.warn({ err: cause }, 'could not write to the logbook')
    }
  }
}

function monthOf(date: Date): string {
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, '0')}`
}

function entryText({ header, original, message, recipe }: LogbookEntry): string {
  const parts = [
    ['Incoming message header', header],
    ['Incoming message body', original],
    ['Parsed message body', message],
    ['Recipe object', recipe.recipe],
  ] as const
  return `${parts.map(([title, value]) => `${title}:\n${neat(value)}`).join('\n\n')}\n`
}

function neat(value: unknown): string {
  return indentedJson(value, {
    sortKeys: true,
    textOf: (object) =>
      object instanceof Float ? undefined : Object.prototype.toString.call(object),
  })
}
