import { type Dict, hasKey, isDict, itemAtKey } from '../../codecs/ordered-dict.ts'
import { pythonRepr, pythonStr } from '../../codecs/python/python-text.ts'
import { Float } from '../../codecs/values.ts'
import { RecipeError, type RecipeFault } from '../../errors.ts'
import { linkedNodes } from './links.ts'
import type { RecipeNodes } from './load.ts'

type Step = string | number | bigint

/**
 * Throws a `RecipeError` for the first fault, in the order in which Python looks for them (workflows,
 * recipe/recipe.py). A node is walked once, so a dense graph takes no longer than its links.
 */
export function validateNodes(nodes: RecipeNodes): void {
  if (nodes.size === 0) throw fault('no-recipe', 'No recipe defined')
  checkStart(nodes)
  checkError(nodes)
  checkNumbers(nodes)
  const reached = walk(nodes)
  for (const key of nodes.keys()) {
    if (key === 'start' || key === 'error' || reached.has(key)) continue
    throw fault('unreferenced-node', `Recipe contains unreferenced node "${shortened(key)}"`, {
      node: key,
    })
  }
}

function checkStart(nodes: RecipeNodes): void {
  if (!nodes.has('start')) throw fault('start-missing', '"start" node missing')
  const start = startOf(nodes)
  if (start.length === 0) throw fault('start-empty', '"start" node empty')
  if (start.some((entry) => !Array.isArray(entry) || entry.length !== 2)) {
    throw fault('start-invalid', '"start" node invalid; expected pairs [node, payload]')
  }
  if (start.some((entry) => targetOf(entry) === 'start')) {
    throw fault('start-points-to-start', '"start" node points to itself')
  }
}

function checkError(nodes: RecipeNodes): void {
  const error = nodes.get('error')
  if (typeof error !== 'string' && !Array.isArray(error)) return
  if (error.includes('start')) {
    throw fault('error-points-to-start', '"error" node points to "start" node')
  }
  if (error.includes('error')) throw fault('error-points-to-error', '"error" node points to itself')
}

const NUMBER = /^-?[1-9]\d*$/

function checkNumbers(nodes: RecipeNodes): void {
  for (const key of nodes.keys()) {
    if (key === 'start' || key === 'error' || NUMBER.test(key)) continue
    throw fault('node-not-numeric', `Node "${shortened(key)}" is not numeric`, { node: key })
  }
}

function walk(nodes: RecipeNodes): ReadonlySet<string> {
  const walker = new Walker(nodes)
  for (const entry of startOf(nodes)) walker.from('start', targetOf(entry))
  if (nodes.has('error')) {
    const error = nodes.get('error')
    for (const target of Array.isArray(error) ? error : [error]) walker.from('error', target)
  }
  return walker.reached
}

interface Frame {
  readonly step: Step
  readonly targets: Iterator<Step>
}

/** Depth first, without recursion: a chain of any length is fine. */
class Walker {
  readonly reached = new Set<string>()
  readonly #nodes: RecipeNodes
  #frames: Frame[] = []
  #onPath = new Set<string>()

  constructor(nodes: RecipeNodes) {
    this.#nodes = nodes
  }

  from(origin: 'start' | 'error', target: unknown): void {
    this.#frames = [{ step: origin, targets: [].values() }]
    this.#onPath = new Set([origin])
    const step = stepOf(target)
    if (this.reached.has(this.#keyOf(step))) return
    this.#enter(step)
    for (let frame = this.#top(); frame !== undefined; frame = this.#top()) this.#advance(frame)
  }

  #advance(frame: Frame): void {
    const next = frame.targets.next()
    if (next.done === true) {
      this.#frames.pop()
      this.#onPath.delete(this.#keyOf(frame.step))
      return
    }
    const key = this.#keyOf(next.value)
    if (this.#onPath.has(key)) throw this.#cycle(next.value)
    if (!this.reached.has(key)) this.#enter(next.value)
  }

  #enter(step: Step): void {
    const key = this.#keyOf(step)
    if (!this.#nodes.has(key)) throw this.#missing(step)
    this.reached.add(key)
    this.#onPath.add(key)
    this.#frames.push({ step, targets: targetsOf(this.#nodes.get(key)) })
  }

  /** The frame of a node, not the one of the origin. */
  #top(): Frame | undefined {
    return this.#frames.length > 1 ? this.#frames.at(-1) : undefined
  }

  /** A pointer that is text names no node, except start and error: `"1"` is not node 1. */
  #keyOf(step: Step): string {
    if (typeof step !== 'string') return String(step)
    return step === 'start' || step === 'error' ? step : `text ${step}`
  }

  #path(): Step[] {
    return this.#frames.map((frame) => frame.step)
  }

  #missing(step: Step): RecipeError {
    const path = this.#path()
    return fault(
      'missing-node',
      `Node "${shortened(pythonStr(step))}" is referenced via "${shown(path)}" but missing`,
      { node: shortened(pythonStr(step)), path },
    )
  }

  #cycle(step: Step): RecipeError {
    const path = this.#path()
    return fault(
      'cycle',
      `Recipe contains cycle (${shown(path)} -> ${shortened(pythonStr(step))})`,
      {
        path,
        backTo: step,
      },
    )
  }
}

function* targetsOf(entry: unknown): Generator<Step> {
  if (!isDict(entry)) {
    requireNoLinks(entry)
    return
  }
  for (const outgoing of ['output', 'error']) {
    if (hasKey(entry, outgoing)) yield* linkedNodes(itemAtKey(entry as Dict, outgoing))
  }
}

/** Python looks for "error" in a node of any type, and fails if a text or a list has it. */
function requireNoLinks(entry: unknown): void {
  if (!(typeof entry === 'string' || Array.isArray(entry)) || !entry.includes('error')) return
  throw new RecipeError(
    `Invalid recipe: ${pythonRepr(entry).slice(0, 200)} is no node; expected an object`,
    { stage: 'validate', category: 'type-error', pythonClass: 'TypeError' },
  )
}

function startOf(nodes: RecipeNodes): readonly unknown[] {
  const start = nodes.get('start')
  return Array.isArray(start) ? start : []
}

function targetOf(entry: unknown): unknown {
  return Array.isArray(entry) ? entry[0] : undefined
}

/** A pointer as a step of a path. Python takes 1.0 and True for node 1. */
function stepOf(target: unknown): Step {
  if (typeof target === 'boolean') return target ? 1 : 0
  if (target instanceof Float) return target.value
  if (typeof target === 'string' || typeof target === 'number' || typeof target === 'bigint') {
    return target
  }
  if (target === null) return 'None'
  throw new RecipeError(
    `Invalid recipe: ${pythonRepr(target).slice(0, 200)} points to no node; expected a node number`,
    {
      stage: 'validate',
      category: 'type-error',
      pythonClass: 'TypeError',
    },
  )
}

const LONGEST_NAME = 200

function shortened(name: string): string {
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME)}…`
}

/** A path as Python prints it, its middle left out where it is long. */
function shown(path: readonly Step[]): string {
  if (path.length <= 50) return pythonRepr(path)
  const [head, tail] = [pythonRepr(path.slice(0, 20)), pythonRepr(path.slice(-20))]
  return `${head.slice(0, -1)}, … ${path.length - 40} more …, ${tail.slice(1)}`
}

function fault(
  category: string,
  text: string,
  where: Pick<RecipeFault, 'node' | 'path' | 'backTo'> = {},
): RecipeError {
  return new RecipeError(`Invalid recipe: ${text}`, {
    stage: 'validate',
    category,
    pythonClass: 'workflows.Error',
    ...where,
  })
}
