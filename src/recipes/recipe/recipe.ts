import { encodeJson } from '../../codecs/json/json.ts'
import { type Dict, isDict, OrderedMap } from '../../codecs/ordered-dict.ts'
import { loadText, loadValue, type RecipeNodes } from './load.ts'
import { mergedNodes, structuredNodes } from './merge.ts'
import { substituted } from './substitute.ts'
import { validateNodes } from './validate.ts'

/** What a recipe can be made of: its text, an object of nodes, another recipe. */
export type RecipeSource = string | Dict | Recipe

/**
 * A workflow that is data: numbered nodes, each with the queue that takes its messages and the nodes its output goes
 * to. The messages carry it, so nothing in the middle has to know it (Zocalo: workflows.recipe.Recipe).
 */
export class Recipe {
  #nodes: RecipeNodes

  /**
   * Takes an object as it is in JSON, keys as text; it is not changed. Without one the recipe is empty.
   * Throws `RecipeError` (stage `load`) for what is no recipe at all; `validate()` looks at the graph.
   */
  constructor(source?: RecipeSource | null) {
    this.#nodes = nodesOf(source)
  }

  /** Reads JSON text. Throws `RecipeError` with `position` where it is no JSON. */
  static parse(text: string): Recipe {
    return new Recipe(text)
  }

  /**
   * The recipe as loaded: node numbers as text, `start`, `error`. Numbers are `number`, `bigint` beyond 2^53, and
   * `Float` for whole floats such as 1.0; objects whose keys are numbers are Maps, which keep their order.
   */
  get recipe(): ReadonlyMap<string, unknown> {
    return this.#nodes
  }

  get isEmpty(): boolean {
    return this.#nodes.size === 0
  }

  /** The node of this number; undefined where the recipe has none. */
  node(pointer: number | bigint | string): Dict | undefined {
    const entry = this.#nodes.get(String(pointer))
    return isDict(entry) ? entry : undefined
  }

  /** Throws `RecipeError` for the first fault, with its category and place. Takes time linear in the links. */
  validate(): void {
    validateNodes(this.#nodes)
  }

  /** JSON text, byte for byte as Python writes it. */
  serialize(): string {
    return encodeJson(this.#nodes)
  }

  /** Puts parameters into every text of the recipe. Throws `RecipeError` (stage `substitute`) with Python's class. */
  applyParameters(parameters: Dict): void {
    this.#nodes = new OrderedMap(
      [...this.#nodes].map(([key, value]) => [key, substituted(value, parameters)]),
    )
  }

  /** A new recipe with the nodes of both; null or an empty one gives a copy. Neither is changed. */
  merge(other: RecipeSource | null | undefined): Recipe {
    const merged = new Recipe()
    merged.#nodes = mergedNodes(this.#nodes, nodesOf(other))
    return merged
  }

  toJSON(): unknown {
    return Object.fromEntries(this.#nodes)
  }
}

function nodesOf(source: RecipeSource | null | undefined): RecipeNodes {
  if (source === null || source === undefined) return new OrderedMap()
  if (source instanceof Recipe) return structuredNodes(new Map(source.recipe))
  return typeof source === 'string' ? loadText(source) : loadValue(source)
}
