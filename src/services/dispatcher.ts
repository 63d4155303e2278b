import { randomUUID } from 'node:crypto'
import {
  copied,
  type Dict,
  entriesOf,
  hasKey,
  isDict,
  itemAtKey,
  orderedDict,
} from '../codecs/ordered-dict.ts'
import {
  ackWith,
  CommonService,
  Recipe,
  RecipeWrapper,
  type TransportHeader,
  wrapSubscribe,
} from '../recipes/index.ts'
import { setSpanAttribute } from '../telemetry/traces/active-span.ts'
import { type DispatcherPlugins, filtersOf, type Request } from './dispatcher/filters.ts'
import { Logbook } from './dispatcher/logbook.ts'

const QUEUE = 'processing_recipe'
/** Seconds: how often a request that is not ready is looked at, and for how long. */
const LOOK_AGAIN = 2
const PATIENCE = 120

/** Makes recipe messages of requests: names of recipes, or a recipe, and parameters (Zocalo: Dispatcher). */
export class Dispatcher extends CommonService {
  static override serviceName = 'Dispatcher'
  static override loggerName = 'zocalo.service.dispatcher'
  /** What a site adds; the command `service` fills it in from package.json. */
  static plugins: DispatcherPlugins = { filters: {}, readyForProcessing: {} }

  #logbook: Logbook | null = null

  override async initializing(): Promise<void> {
    this.log.info('Dispatcher starting')
    const storage = this.config.plugin('storage') ?? {}
    this.#logbook = await Logbook.open(storage['zocalo.dispatcher.logbook_location'], this.log)
    await wrapSubscribe(
      this.transport,
      QUEUE,
      async (_wrapper, header, payload) => await this.#process(header, payload),
      {
        acknowledgement: true,
        allowNonRecipeMessages: true,
        logExtender: (field, value, work) => this.extendLog(field, value, work),
        log: this.log,
      },
    )
  }

  async #process(header: TransportHeader, message: unknown): Promise<void> {
    if (!isDict(message)) return await this.#refuse(header, 'the request is not an object')
    const given = hasKey(message, 'parameters') ? itemAtKey(message, 'parameters') : {}
    if (!isDict(given)) return await this.#refuse(header, 'parameters are not given as an object')
    const guid = String(itemAtKey(given, 'guid') || randomUUID())
    const parameters = withItem(given, 'guid', guid)
    const dcid = itemAtKey(parameters, 'ispyb_dcid') || itemAtKey(parameters, 'dcid')
    if (dcid) setSpanAttribute('dcid', String(dcid))
    const request: Request = { message: withItem(message, 'parameters', parameters), parameters }
    await this.extendLog('recipe_ID', guid, async () => {
      this.log.debug({ request: message }, 'received a processing request')
      if (await this.#isReady(request))
        await this.#dispatch(header, request, { guid, original: message })
      else await this.#postpone(header, request)
    })
  }

  async #dispatch(
    header: TransportHeader,
    { message, parameters }: Request,
    { guid, original }: { readonly guid: string; readonly original: Dict },
  ): Promise<void> {
    const copy = copied(message) as Dict // copies are of the same kind
    let filtered: Request = {
      message: withItem(copy, 'recipe', new Recipe()),
      parameters: copied(parameters) as Dict,
    }
    for (const [name, filter] of filtersOf(Dispatcher.plugins, this.config)) {
      try {
        filtered = await filter(filtered)
      } catch (error) {
        this.log.error({ err: error, filter: name }, 'the request was refused by a filter')
        await this.transport.nack(header)
        return
      }
    }
    const recipe = itemAtKey(filtered.message, 'recipe')
    if (!(recipe instanceof Recipe) || recipe.isEmpty) {
      return await this.#refuse(header, 'no recipe is named, and none is in the request')
    }
    const { transport } = this
    const wrapper = new RecipeWrapper({ recipe, environment: { ID: guid }, transport })
    await ackWith(transport, header, async (options) => {
      await wrapper.start(options)
      await this.#logbook?.write(guid, { header, original, message: filtered.message, recipe })
    })
    this.log.info('a request was processed')
  }

  async #isReady({ message, parameters }: Request): Promise<boolean> {
    for (const isReady of Object.values(Dispatcher.plugins.readyForProcessing)) {
      if (!(await isReady(message, parameters))) return false
    }
    return true
  }

  /** Looked at again in two seconds, until its time is over; then to the request's own error queue, or dead-lettered. */
  async #postpone(header: TransportHeader, { message, parameters }: Request): Promise<void> {
    const now = Date.now() / 1000
    const timeout = Number(itemAtKey(parameters, 'dispatcher_timeout') ?? PATIENCE)
    const expiration = itemAtKey(parameters, 'dispatcher_expiration') ?? now + timeout
    const waiting = withItem(
      message,
      'parameters',
      withItem(parameters, 'dispatcher_expiration', expiration),
    )
    if (Number(expiration) > now) {
      this.log.info('the request is not ready yet')
      return await this.#moveTo(QUEUE, { header, message: waiting, delay: LOOK_AGAIN })
    }
    const errors = itemAtKey(parameters, 'dispatcher_error_queue')
    if (typeof errors !== 'string' || errors === '') {
      return await this.#refuse(header, 'it is still not ready')
    }
    this.log.info(
      { queue: errors },
      'the request is still not ready, it is sent to its error queue',
    )
    await this.#moveTo(errors, { header, message: waiting, delay: 0 })
  }

  async #moveTo(
    queue: string,
    parts: { header: TransportHeader; message: Dict; delay: number },
  ): Promise<void> {
    const { header, message, delay } = parts
    const { transport } = this
    await ackWith(transport, header, async (options) => {
      await transport.send(queue, message, { ...options, delay })
    })
  }

  async #refuse(header: TransportHeader, reason: string): Promise<void> {
    this.log.error({ reason }, 'the request is rejected')
    await this.transport.nack(header)
  }
}

/** A copy with the item set, which keeps its place where it is there already. */
function withItem(dict: Dict, key: string, value: unknown): Dict {
  return orderedDict([...new Map([...entriesOf(dict), [key, value]])])
}
