import type { Span } from '../../../monitor/queries/family-spans.ts'
import { allNodes, type FamilyTree } from '../../../monitor/queries/family-tree.ts'

/** The time that bars show, and how many letters they have for it. */
export interface Frame {
  readonly fromMs: number
  readonly toMs: number
  readonly width: number
}

const NARROWEST = 10

/** From the first message to the last end; undefined where there is no room, or nothing to see. */
export function frameOf(tree: FamilyTree, width: number): Frame | undefined {
  const spans = allNodes(tree.roots).flatMap((node) => node.spans)
  const at = tree.at.getTime()
  const fromMs = spans.reduce((least, { from }) => Math.min(least, from.getTime()), at)
  const toMs = spans.reduce((most, { to }) => Math.max(most, to?.getTime() ?? at), fromMs)
  return width < NARROWEST || toMs === fromMs ? undefined : { fromMs, toMs, width }
}

const LETTERS: Readonly<Record<Span['kind'], string>> = { waiting: '░', running: '█', retry: '▒' }

/** One letter for each part of the time; running wins where a part holds more than one. */
export function barOf(spans: readonly Span[], { fromMs, toMs, width }: Frame): string {
  const letters = Array.from({ length: width }, () => ' ')
  const place = (ms: number): number => ((ms - fromMs) / (toMs - fromMs)) * width
  for (const { kind, from, to } of spans) {
    const first = Math.min(width - 1, Math.floor(place(from.getTime())))
    const end = Math.max(first + 1, Math.round(place(to?.getTime() ?? toMs)))
    for (let index = first; index < Math.min(end, width); index += 1) {
      if (letters[index] !== '█') letters[index] = LETTERS[kind]
    }
  }
  return letters.join('')
}
