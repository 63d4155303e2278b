import { randomUUID } from 'node:crypto'
import { maskValue } from '../../config/masking.ts'
import type { Path } from '../../definitions/parse.ts'
import { ConfigurationError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { textOfError } from '../../text-of-error.ts'
import { Block, type BlockParts } from '../block/block.ts'
import type { BlockObserver } from '../block/counts.ts'
import type { BlockOptions } from '../block/settings.ts'
import type { AmqpApp } from '../links/amqp/app.ts'
import { checkListener, type ListenerLike } from '../parts/listener.ts'
import { isOperator, type Operator, operator } from '../parts/operator.ts'
import { checkPublisher, type PublisherLike } from '../parts/publisher.ts'
import type { StreamEvents } from '../seen/run-events.ts'
import { FieldError, Fields } from './fields.ts'
import { loadClass } from './load-class.ts'
import { type BlockFile, readBlockFile } from './read-file.ts'
import { LISTENERS, PUBLISHERS, shortNameOf } from './short-names.ts'

export interface LoadOptions {
  /** Only the block of this name. */
  readonly block?: string | undefined
  /** Whose broker the amqp parts use, where they name none. */
  readonly app?: AmqpApp
  readonly logger?: Logger
  readonly observer?: BlockObserver
  /** Where the runs of the blocks tell how they go. */
  readonly events?: StreamEvents | undefined
}

/** The blocks of a YAML or JSON file, built and checked; nothing is opened. */
export async function loadBlocks(file: string, options: LoadOptions = {}): Promise<Block[]> {
  const read = await readBlockFile(file)
  const isFamily = options.block === undefined && read.blocks.length > 1
  const rootId = isFamily ? randomUUID() : undefined
  const blocks: Block[] = []
  for (const [index, given] of read.blocks.entries()) {
    blocks.push(await loadBlock(read, { given, index, options, rootId }))
  }
  if (options.block === undefined) return blocks
  const found = blocks.filter(({ name }) => name === options.block)
  if (found.length > 0) return found
  const names = blocks.map(({ name }) => `'${name}'`).join(', ')
  throw read.error(
    ['blocks'],
    `Block '${options.block}' not found in configuration. Available blocks: [${names}]`,
  )
}

/** The only block of a file, or the one of this name. */
export async function loadBlockByName(
  file: string,
  name?: string,
  options: LoadOptions = {},
): Promise<Block> {
  const blocks = await loadBlocks(file, { ...options, block: name })
  const [only] = blocks
  if (only !== undefined && blocks.length === 1) return only
  throw new ConfigurationError(
    `${file}: File contains ${blocks.length} blocks. Specify block_name to select one.`,
  )
}

interface BlockPlace {
  readonly given: unknown
  readonly index: number
  readonly options: LoadOptions
  /** Of the family that the blocks of one file are in the record. */
  readonly rootId: string | undefined
}

interface Place {
  readonly file: BlockFile
  readonly path: Path
  /** "Failed to load block 0: block "peaks": listener 1". */
  readonly name: string
  readonly options: LoadOptions
}

function shown(field: string, value: unknown): string {
  return JSON.stringify(maskValue(field, value))
}

async function loadBlock(
  file: BlockFile,
  { given, index, options, rootId }: BlockPlace,
): Promise<Block> {
  const path = ['blocks', index]
  const failed = (problem: string, at: Path = path, cause?: unknown): ConfigurationError =>
    file.error(at, `Failed to load block ${index}: ${problem}`, cause)
  if (!isMap(given)) throw failed(`expected a map, found ${shown('', given)}`)
  const { name, description, operator: work, listeners = [], publishers = [], ...rest } = given
  if (typeof name !== 'string' || name === '') {
    throw failed("Block configuration must have a 'name' field")
  }
  const label = `Failed to load block ${index}: block "${name}"`
  if (work === undefined)
    throw failed(`block "${name}": Block configuration must have an 'operator' field`)
  for (const [field, value] of Object.entries(rest)) {
    if (OPTIONS.has(field)) continue
    throw failed(`block "${name}": unknown field "${field}" (${shown(field, value)})`, [
      ...path,
      field,
    ])
  }
  const place = (field: string): Place => ({ file, path: [...path, field], name: label, options })
  const parts: BlockParts = {
    ...(rest as BlockOptions), // the block checks each of them
    ...(typeof description === 'string' && { description }),
    ...(options.logger !== undefined && { logger: options.logger }),
    ...(options.observer !== undefined && { observer: options.observer }),
    events: options.events,
    rootId,
    listeners: await loadAll(listeners, place('listeners'), loadListener),
    publishers: await loadAll(publishers, place('publishers'), loadPublisher),
  }
  const loaded = await loadOperator(work, place('operator'))
  try {
    return new Block(name, loaded, parts)
  } catch (cause) {
    throw failed(textOfError(cause), [...path, ...optionOf(cause)], cause)
  }
}

/** Where the option stands in its block that an error names: `queue.limit`. */
function optionOf(error: unknown): Path {
  if (!(error instanceof ConfigurationError) || error.option === undefined) return []
  return error.option.split('.')
}

const OPTIONS: ReadonlySet<string> = new Set([
  'queue',
  'outlet',
  'onError',
  'concurrency',
  'ordered',
  'graceMs',
])

async function loadAll<Part>(
  given: unknown,
  place: Place,
  load: (given: unknown, place: Place) => Promise<Part>,
): Promise<Part[]> {
  const kind = String(place.path.at(-1))
  if (!Array.isArray(given))
    throw place.file.error(place.path, `${place.name}: '${kind}' must be a list`)
  const parts: Part[] = []
  for (const [index, each] of given.entries()) {
    const name = `${place.name}: Failed to load ${kind.slice(0, -1)} ${index}`
    parts.push(await load(each, { ...place, path: [...place.path, index], name }))
  }
  return parts
}

async function loadOperator(given: unknown, place: Place): Promise<Operator> {
  const at = { ...place, name: `${place.name}: operator` }
  const made = await instantiate(component(given, at), at)
  if (isOperator(made)) return made
  if (typeof made === 'function') return operator(made as () => unknown)
  throw at.file.error(at.path, `${at.name}: Operator must be an instance of Operator`)
}

async function loadListener(given: unknown, place: Place): Promise<ListenerLike> {
  const part = component(given, place)
  const make = LISTENERS[shortNameOf(part.class)]
  if (make !== undefined) return ofLink(part, place, make)
  const made = await instantiate(part, place)
  return checked(place, () => checkListener(made, 'Listener'))
}

async function loadPublisher(given: unknown, place: Place): Promise<PublisherLike> {
  const part = component(given, place)
  const make = PUBLISHERS[shortNameOf(part.class)]
  if (make !== undefined) return ofLink(part, place, make)
  const made = await instantiate(part, place)
  return checked(place, () => checkPublisher(made, 'Publisher'))
}

interface Component {
  readonly class: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
}

function component(given: unknown, { file, path, name }: Place): Component {
  if (!isMap(given) || typeof given.class !== 'string' || given.class === '') {
    throw file.error(path, `${name}: Component configuration must have a 'class' field`)
  }
  const { class: className, args = [], kwargs = {}, ...rest } = given
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined)
    throw file.error([...path, unknown], `${name}: unknown field "${unknown}"`)
  if (!Array.isArray(args)) throw file.error([...path, 'args'], `${name}: args must be a list`)
  if (!isMap(kwargs)) throw file.error([...path, 'kwargs'], `${name}: kwargs must be a map`)
  return { class: className, args, kwargs }
}

function ofLink<Part>(
  { class: className, kwargs }: Component,
  place: Place,
  make: (fields: Fields, app: AmqpApp | undefined) => Part,
): Part {
  return checked(
    place,
    () => {
      const fields = new Fields(kwargs)
      const part = make(fields, place.options.app)
      fields.end()
      return part
    },
    `Failed to instantiate ${className}: `,
  )
}

/** A class is built, a function that is no operator itself is called, anything else is the part. */
async function instantiate(
  { class: name, args, kwargs }: Component,
  place: Place,
): Promise<unknown> {
  let found: unknown
  try {
    found = await loadClass(name, place.file.file)
  } catch (cause) {
    const problem = `${place.name}: Failed to import class '${name}': ${textOfError(cause)}`
    throw place.file.error([...place.path, 'class'], problem, cause)
  }
  if (typeof found !== 'function' || !/^class\b/.test(Function.prototype.toString.call(found))) {
    return found
  }
  const Type = found as new (...args: unknown[]) => unknown
  const given = Object.keys(kwargs).length === 0 ? args : [...args, kwargs]
  return checked(place, () => new Type(...given), `Failed to instantiate ${name}: `)
}

/** A mistake that a part finds in itself, at its line; in a field, at that field's. */
function checked<Part>(place: Place, make: () => Part, prefix = ''): Part {
  try {
    return make()
  } catch (cause) {
    const path = cause instanceof FieldError ? [...place.path, 'kwargs', cause.field] : place.path
    throw place.file.error(path, `${place.name}: ${prefix}${textOfError(cause)}`, cause)
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
