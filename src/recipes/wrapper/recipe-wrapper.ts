import { type Dict, hasKey, isDict, itemAtKey } from '../../codecs/ordered-dict.ts'
import { pythonRepr } from '../../codecs/python/python-text.ts'
import { nodeNumber } from '../recipe/links.ts'
import type { Recipe, RecipeSource } from '../recipe/recipe.ts'
import type {
  BroadcastOptions,
  RecipeMessage,
  SendOptions,
  Transport,
  TransportHeader,
} from '../transport/transport.ts'
import {
  invalidMessage,
  misuse,
  partsOfMessage,
  partsOfRecipe,
  stepOf,
} from './received-message.ts'
import { withReconnects } from './reconnects.ts'

/** Turns the whole message into the body that is sent, in place of JSON. */
export type Mangle = (message: RecipeMessage) => string | Uint8Array

type WrapperSource =
  | { readonly message: unknown; readonly environment?: Dict }
  | { readonly recipe: RecipeSource; readonly environment?: Dict }

export type WrapperOptions = WrapperSource & {
  readonly transport?: Transport
  readonly mangleForSending?: Mangle
}

/** Options of one send; they win over those of the target's node. */
export interface WrapperSendOptions extends SendOptions {
  readonly header?: TransportHeader
  readonly mangleForSending?: Mangle
}

/**
 * A received recipe message, or a recipe about to be started: sends results to the nodes that the recipe connects to the
 * output of this step (Zocalo: workflows.recipe.RecipeWrapper).
 */
export class RecipeWrapper {
  readonly recipe: Recipe
  /** Number of this step's node; null before the recipe has been started. */
  readonly recipePointer: number | bigint | null
  /** Numbers of the nodes passed so far, oldest first. */
  readonly recipePath: readonly unknown[]
  /** Values of the whole run; `ID` is the recipe's id. */
  readonly environment: Dict
  readonly payload: unknown
  readonly transport: Transport | undefined
  readonly #mangle: Mangle | undefined
  #step: Dict | null
  #defaultChannel: string | null = null

  /** Throws `RecipeError` (stage `message`) for a message that holds no recipe, or points to no node of it. */
  constructor(options: WrapperOptions) {
    const parts =
      'message' in options ? partsOfMessage(options.message) : partsOfRecipe(options.recipe)
    this.recipe = parts.recipe
    this.recipePointer = parts.pointer
    this.recipePath = parts.path
    this.payload = parts.payload
    this.environment = options.environment ?? parts.environment
    this.#step = parts.pointer === null ? null : stepOf(parts.recipe, parts.pointer)
    this.transport = options.transport
    this.#mangle = options.mangleForSending
  }

  /** This step's node: queue, parameters, output. Null before the recipe has been started. */
  get recipeStep(): Dict | null {
    return this.#step
  }

  get defaultChannel(): string | null {
    return this.#defaultChannel
  }

  /** Names the output that `send` uses where outputs have names. */
  setDefaultChannel(name: string | null): void {
    this.#defaultChannel = name
  }

  /** Sends to all targets of the unnamed output, or to the default channel. Without an output nothing is sent. */
  async send(payload: unknown, options: WrapperSendOptions = {}): Promise<void> {
    const output = this.#output()
    if (output === undefined) return
    if (!isDict(output)) return this.#sendToAll(output, payload, options)
    if (this.#defaultChannel !== null) await this.sendTo(this.#defaultChannel, payload, options)
  }

  /** Sends to the targets of a named output; where the recipe connects nothing to it, nothing is sent. */
  async sendTo(channel: string, payload: unknown, options: WrapperSendOptions = {}): Promise<void> {
    const output = this.#output()
    if (output === undefined) return
    if (!isDict(output)) {
      if (channel === this.#defaultChannel) await this.#sendToAll(output, payload, options)
      return
    }
    if (hasKey(output, channel)) await this.#sendToAll(itemAtKey(output, channel), payload, options)
  }

  /** Sends the start payloads of a recipe that has not been started. */
  async start(options: WrapperSendOptions = {}): Promise<void> {
    this.#transport()
    if (this.#step !== null)
      throw misuse('This recipe has already been started.', 'already-started')
    const start = this.recipe.recipe.get('start')
    const pairs: readonly (readonly [unknown, unknown])[] = Array.isArray(start) ? start : []
    await this.#deliver(
      pairs.map(([target, payload]) => ({ target, payload, options, path: this.recipePath })),
    )
  }

  /** Sends a message to this step itself: a state from which it continues. */
  async checkpoint(payload: unknown, options: WrapperSendOptions = {}): Promise<void> {
    this.#transport()
    this.#startedStep()
    await this.#deliver([
      {
        target: this.recipePointer,
        payload,
        options: { ...options, delay: options.delay ?? 0 },
        path: this.recipePath,
      },
    ])
  }

  /** Puts parameters into the wrapped recipe: for tests, as a recipe should not change on its way. */
  applyParameters(parameters: Dict): void {
    this.recipe.applyParameters(parameters)
    if (this.recipePointer !== null) this.#step = stepOf(this.recipe, this.recipePointer)
  }

  #output(): unknown {
    this.#transport()
    const step = this.#startedStep()
    return hasKey(step, 'output') ? itemAtKey(step, 'output') : undefined
  }

  #transport(): Transport {
    if (this.transport !== undefined) return this.transport
    throw misuse(
      'This RecipeWrapper object does not contain a reference to a transport object.',
      'no-transport',
    )
  }

  #startedStep(): Dict {
    if (this.#step !== null) return this.#step
    throw misuse(
      'This RecipeWrapper object does not contain a recipe with a selected step.',
      'not-started',
    )
  }

  async #sendToAll(targets: unknown, payload: unknown, options: WrapperSendOptions): Promise<void> {
    const list: readonly unknown[] = Array.isArray(targets) ? targets : [targets]
    // Python adds no pointer that is 0, and there is none.
    const path = [...this.recipePath, this.recipePointer]
    await this.#deliver(list.map((target) => ({ target, payload, options, path })))
  }

  /** What cannot be kept is refused before the first of several targets has its message. */
  async #deliver(parcels: readonly Parcel[]): Promise<void> {
    const addressed = parcels.map((parcel) => this.#addressed(parcel))
    for (const parcel of addressed) await this.#send(parcel)
  }

  #addressed(parcel: Parcel): AddressedParcel {
    const step = stepOf(this.recipe, parcel.target)
    const topic = nameIn(step, 'topic')
    const transportOptions = transportOptionsOf(step, parcel.options)
    if (topic !== null) this.#transport().checkBroadcast?.(topic, transportOptions)
    return { ...parcel, topic, queue: nameIn(step, 'queue'), transportOptions }
  }

  async #send(parcel: AddressedParcel): Promise<void> {
    const { queue, topic, transportOptions: options } = parcel
    const message = this.#message(parcel)
    const mangle = parcel.options.mangleForSending ?? this.#mangle
    const transport = this.#transport()
    if (queue !== null) {
      await withReconnects(transport, () =>
        mangle === undefined
          ? transport.send(queue, message, options)
          : transport.rawSend(queue, mangle(message), options),
      )
    }
    if (topic !== null) {
      await withReconnects(transport, () =>
        mangle === undefined
          ? transport.broadcast(topic, message, options)
          : transport.rawBroadcast(topic, mangle(message), options),
      )
    }
  }

  #message({ target, payload, path }: Parcel): RecipeMessage {
    return {
      environment: this.environment,
      payload: payload ?? null,
      recipe: this.recipe.recipe,
      'recipe-path': path,
      'recipe-pointer': nodeNumber(target) ?? target,
    }
  }
}

/** A message that is to go to a node. */
interface Parcel {
  readonly target: unknown
  readonly payload: unknown
  readonly options: WrapperSendOptions
  readonly path: readonly unknown[]
}

interface AddressedParcel extends Parcel {
  readonly queue: string | null
  readonly topic: string | null
  readonly transportOptions: SendOptions & BroadcastOptions
}

/** An empty name sends nothing. */
function nameIn(step: Dict, field: 'queue' | 'topic'): string | null {
  const value = itemAtKey(step, field)
  return typeof value === 'string' && value !== '' ? value : null
}

function transportOptionsOf(
  step: Dict,
  options: WrapperSendOptions,
): SendOptions & BroadcastOptions {
  const { header, mangleForSending: _mangle, headers, ...rest } = options
  const delay = options.delay ?? numberOf(itemAtKey(step, 'transport-delay'))
  const exchange = options.exchange ?? itemAtKey(step, 'exchange')
  return {
    ...rest,
    headers: { ...headers, ...header, 'workflows-recipe': true },
    ...(delay === undefined ? {} : { delay }),
    ...(typeof exchange === 'string' ? { exchange } : {}),
  }
}

function numberOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  const number = Number(value)
  if (typeof value !== 'string' && Number.isFinite(number)) return number
  throw invalidMessage(
    'delay-invalid',
    'TypeError',
    `the transport-delay of a node is ${pythonRepr(value).slice(0, 60)}; expected seconds`,
  )
}
