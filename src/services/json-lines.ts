import { appendFile, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { encodeJson } from '../codecs/json/json.ts'
import { type Dict, entriesOf, isDict, itemAtKey, orderedDict } from '../codecs/ordered-dict.ts'
import {
  CommonService,
  type RecipeWrapper,
  type TransportHeader,
  wrapSubscribe,
} from '../recipes/index.ts'

const QUEUE = 'jsonlines'
const MOST = 100
const IDLE_SECONDS = 1

interface WaitingLine {
  readonly header: TransportHeader
  readonly line: string
}

/** Appends the payload of each message to a file, as a line of JSON (Zocalo: JSONLines). Its queue should have one consumer. */
export class JSONLines extends CommonService {
  static override serviceName = 'JSONLines'
  static override loggerName = 'zocalo.service.jsonlines'

  readonly #waiting = new Map<string, WaitingLine[]>()

  override async initializing(): Promise<void> {
    await wrapSubscribe(
      this.transport,
      QUEUE,
      async (wrapper, header, payload) => await this.#take(wrapper, header, payload),
      {
        acknowledgement: true,
        prefetchCount: MOST,
        logExtender: (field, value, work) => this.extendLog(field, value, work),
        log: this.log,
      },
    )
    this.registerIdle(IDLE_SECONDS, () => this.#write())
  }

  override async inShutdown(): Promise<void> {
    await this.#write()
  }

  async #take(
    wrapper: RecipeWrapper | null,
    header: TransportHeader,
    payload: unknown,
  ): Promise<void> {
    const step = wrapper?.recipeStep
    const given = step === null || step === undefined ? {} : itemAtKey(step, 'parameters')
    const parameters: Dict = isDict(given) ? given : {}
    const file = itemAtKey(parameters, 'output_filename')
    if (typeof file !== 'string' || file === '') {
      this.log.error('the step has no output_filename, its message is rejected')
      await this.transport.nack(header)
      return
    }
    const line = encodeJson(selected(payload, parameters))
    const lines = this.#waiting.get(file) ?? []
    lines.push({ header, line })
    this.#waiting.set(file, lines)
    const count = [...this.#waiting.values()].reduce((sum, { length }) => sum + length, 0)
    if (count >= MOST) await this.#write()
  }

  /** Lines that cannot be written are given back, and not kept besides. */
  async #write(): Promise<void> {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const [file, lines] of waiting) {
      try {
        await mkdir(dirname(file), { recursive: true })
        await appendFile(file, lines.map(({ line }) => `${line}\n`).join(''))
      } catch (cause) {
        this.log.error(
          { err: cause, file },
          'lines cannot be written, their messages are given back',
        )
        for (const { header } of lines) await this.transport.nack(header)
        continue
      }
      for (const { header } of lines) await this.transport.ack(header)
    }
  }
}

/** `include` first, then `exclude`. */
function selected(payload: unknown, parameters: Dict): unknown {
  const [include, exclude] = [itemAtKey(parameters, 'include'), itemAtKey(parameters, 'exclude')]
  if (!isDict(payload)) return payload
  let entries = entriesOf(payload)
  if (Array.isArray(include) && include.length > 0) {
    entries = entries.filter(([key]) => include.includes(key))
  }
  if (Array.isArray(exclude)) entries = entries.filter(([key]) => !exclude.includes(key))
  return orderedDict(entries)
}
