import { itemAtKey } from '../../codecs/ordered-dict.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type {
  MessageCallback,
  SubscribeOptions,
  Transport,
  TransportHeader,
} from '../transport/transport.ts'
import { type Mangle, RecipeWrapper } from './recipe-wrapper.ts'

/** Takes the wrapper of a recipe message (null for any other message), its header and its payload. */
export type RecipeCallback = (
  wrapper: RecipeWrapper | null,
  header: TransportHeader,
  payload: unknown,
) => void | Promise<void>

/** Runs work with a field added to each of its log lines: `CommonService.extendLog`. */
export type LogExtender = <T>(
  field: string,
  value: unknown,
  work: () => T | Promise<T>,
) => Promise<T>

export interface WrapSubscribeOptions extends SubscribeOptions {
  /** Hand over messages without a recipe, too, with null for a wrapper. Else they are given back, with an error logged. */
  readonly allowNonRecipeMessages?: boolean
  readonly logExtender?: LogExtender
  /** Makes a value of the raw body, in place of JSON. */
  readonly mangleForReceiving?: (body: unknown) => unknown
  /** Of all that the wrapper sends. */
  readonly mangleForSending?: Mangle
  readonly log?: Logger
}

/** Subscribes to a queue of recipe messages (Zocalo: workflows.recipe.wrap_subscribe). Resolves with the id. */
export async function wrapSubscribe(
  transport: Transport,
  queue: string,
  callback: RecipeCallback,
  options: WrapSubscribeOptions = {},
): Promise<number> {
  return await transport.subscribe(
    queue,
    unwrapping(transport, callback, options),
    subscribeOptions(options),
  )
}

/** The same for what is broadcast to a topic, which is never acknowledged. */
export async function wrapSubscribeBroadcast(
  transport: Transport,
  topic: string,
  callback: RecipeCallback,
  options: WrapSubscribeOptions = {},
): Promise<number> {
  const unacknowledged = { ...options, acknowledgement: false }
  return await transport.subscribeBroadcast(
    topic,
    unwrapping(transport, callback, unacknowledged),
    subscribeOptions(unacknowledged),
  )
}

function subscribeOptions(options: WrapSubscribeOptions): SubscribeOptions {
  const { acknowledgement, prefetchCount, exclusive, reconnectable, disableMangling } = options
  return {
    ...(acknowledgement !== undefined && { acknowledgement }),
    ...(prefetchCount !== undefined && { prefetchCount }),
    ...(exclusive !== undefined && { exclusive }),
    ...(reconnectable !== undefined && { reconnectable }),
    disableMangling: options.mangleForReceiving !== undefined || disableMangling === true,
  }
}

function unwrapping(
  transport: Transport,
  callback: RecipeCallback,
  options: WrapSubscribeOptions,
): MessageCallback {
  const { mangleForReceiving, allowNonRecipeMessages = false } = options
  const unwrapped: MessageCallback = async (header, body) => {
    const message = mangleForReceiving === undefined ? body : mangleForReceiving(body)
    if (isRecipeMessage(header)) await unwrap(message, header, { transport, callback, options })
    else if (allowNonRecipeMessages) await callback(null, header, message)
    else await giveBack(header, transport, options)
  }
  // Metrics are by the name of the callback.
  return Object.defineProperty(unwrapped, 'name', { value: callback.name })
}

async function unwrap(
  message: unknown,
  header: TransportHeader,
  parts: { transport: Transport; callback: RecipeCallback; options: WrapSubscribeOptions },
): Promise<void> {
  const { transport, callback } = parts
  const { mangleForSending, logExtender } = parts.options
  const mangle = mangleForSending === undefined ? {} : { mangleForSending }
  const wrapper = new RecipeWrapper({ message, transport, ...mangle })
  const id = itemAtKey(wrapper.environment, 'ID')
  const run = async (): Promise<void> => await callback(wrapper, header, wrapper.payload)
  if (logExtender === undefined || !id) await run()
  else await logExtender('recipe_ID', id, run)
}

/** Without acknowledgement there is nothing to give back. */
async function giveBack(
  header: TransportHeader,
  transport: Transport,
  { acknowledgement = false, log = silentLogger }: WrapSubscribeOptions,
): Promise<void> {
  log.error(
    { header: { ...header } },
    'received a message without a recipe, which this service does not accept',
  )
  if (acknowledgement) await transport.nack(header)
}

const TRUE: ReadonlySet<unknown> = new Set([true, 1, 'True', 'true'])

export function isRecipeMessage(header: TransportHeader): boolean {
  return TRUE.has(header['workflows-recipe'])
}
