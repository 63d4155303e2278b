import type { Digraph } from '../../graph/digraph.ts'
import { AmbiguousDependency } from '../failures/flow-errors.ts'

interface Node {
  readonly name: string
  readonly requires: ReadonlySet<string>
  readonly provides: ReadonlySet<string> | readonly { readonly symbol: string }[]
}

/**
 * Adds edges from providers to the items that need them, item by item in their order: first to what the new item needs,
 * then from what it provides to earlier items that still lack it.
 */
export function linkBySymbols<Item extends Node>(
  flow: string,
  edges: Digraph<Item>,
  providedByRetry: ReadonlySet<string>,
): void {
  const providers = new Map<string, Item[]>()
  const lacking = new Map<string, Item[]>()
  for (const item of edges.nodes()) {
    const provided = symbolsOf(item)
    for (const symbol of provided) append(providers, symbol, item)
    const needed = [...item.requires].filter((symbol) => !providedByRetry.has(symbol))
    for (const symbol of needed) {
      const provider = providerOf(flow, { item, symbol, providers })
      if (provider === undefined) append(lacking, symbol, item)
      else edges.addEdge(provider, item)
    }
    for (const symbol of provided) serve(item, symbol, { lacking, edges })
  }
}

function providerOf<Item extends Node>(
  flow: string,
  need: {
    readonly item: Item
    readonly symbol: string
    readonly providers: ReadonlyMap<string, Item[]>
  },
): Item | undefined {
  const { item, symbol, providers } = need
  const found = (providers.get(symbol) ?? []).filter((provider) => provider !== item)
  refuseAmbiguous(flow, item, symbol, found)
  return found[0]
}

/** Gives a symbol to the earlier items that lack it. */
function serve<Item extends Node>(
  item: Item,
  symbol: string,
  { lacking, edges }: { readonly lacking: Map<string, Item[]>; readonly edges: Digraph<Item> },
): void {
  const waiting = lacking.get(symbol) ?? []
  for (const other of waiting) if (other !== item) edges.addEdge(item, other)
  lacking.set(
    symbol,
    waiting.filter((other) => other === item),
  )
}

function refuseAmbiguous(flow: string, item: Node, symbol: string, found: readonly Node[]): void {
  if (found.length <= 1) return
  const names = found.map(({ name }) => `"${name}"`).join(' and ')
  throw new AmbiguousDependency(
    `"${item.name}" in flow "${flow}" needs "${symbol}", which ${names} provide`,
  )
}

function symbolsOf({ provides }: Node): string[] {
  return [...provides].map((provided) =>
    typeof provided === 'string' ? provided : provided.symbol,
  )
}

function append<Item>(map: Map<string, Item[]>, symbol: string, item: Item): void {
  const items = map.get(symbol)
  if (items === undefined) map.set(symbol, [item])
  else items.push(item)
}
