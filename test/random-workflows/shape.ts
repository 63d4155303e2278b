/** What a task of a random workflow does; each language has them all. */
export const DOES = [
  'wrap',
  'retry',
  'break',
  'to_task',
  'to_chain',
  'to_group',
  'to_chord',
] as const
export type Does = (typeof DOES)[number]

interface Callbacks {
  /** The tag of a callback, and of an errback. */
  readonly link?: string
  readonly linkError?: string
}

export interface TaskShape extends Callbacks {
  readonly kind: 'task'
  readonly tag: string
  readonly does: Does
  readonly isImmutable: boolean
  readonly stamp?: string
}

/** A workflow as both languages build it. */
export type Shape =
  | TaskShape
  | (Callbacks & { readonly kind: 'chain'; readonly parts: readonly Shape[] })
  | (Callbacks & { readonly kind: 'group'; readonly parts: readonly Shape[] })
  | (Callbacks & { readonly kind: 'chord'; readonly parts: readonly Shape[]; readonly body: Shape })

/** The same shape for the same seed, for ever: a seed is all that a report needs. */
export function shapeOf(seed: number): Shape {
  return new Maker(seed).whole()
}

/** The other draws of a seed. */
export function drawOf<Choice>(seed: number, salt: number, choices: readonly Choice[]): Choice {
  const random = mulberry(seed * 31 + salt)
  random()
  // A list of choices is not empty.
  return choices[Math.floor(random() * choices.length)] as Choice
}

/** In one line, for people: `chain(a, group(b!, c), d)`. */
export function shown(shape: Shape): string {
  const suffix = `${shape.link ? `.link(${shape.link})` : ''}${shape.linkError ? `.linkError(${shape.linkError})` : ''}`
  if (shape.kind !== 'task') {
    const parts = shape.parts.map(shown).join(', ')
    const inside = shape.kind === 'chord' ? `[${parts}], ${shown(shape.body)}` : parts
    return `${shape.kind}(${inside})${suffix}`
  }
  const { tag, does, isImmutable, stamp } = shape
  const marks = `${isImmutable ? '.si' : ''}${stamp ? `.stamp(${stamp})` : ''}`
  return `${tag}${does === 'wrap' ? '' : `:${does}`}${marks}${suffix}`
}

export function tagsOf(shape: Shape): readonly string[] {
  const own = [shape.link, shape.linkError].filter((tag) => tag !== undefined)
  if (shape.kind === 'task') return [shape.tag, ...own]
  const body = shape.kind === 'chord' ? tagsOf(shape.body) : []
  return [...shape.parts.flatMap(tagsOf), ...body, ...own]
}

const DEEPEST = 3
const MOST_TASKS = 12

class Maker {
  readonly #random: () => number
  /** How likely a task is to fail. */
  readonly #failing: number
  #tags = 0
  #tasks = 0

  constructor(seed: number) {
    this.#random = mulberry(seed)
    this.#failing = this.#random() < 0.5 ? 0 : 0.12
  }

  whole(): Shape {
    const kinds = ['chain', 'chain', 'group', 'chord'] as const
    return this.#compound(kinds[this.#below(kinds.length)] ?? 'chain', DEEPEST)
  }

  #any(depth: number): Shape {
    const roll = this.#random()
    if (depth === 0 || roll < 0.6 || this.#tasks >= MOST_TASKS) return this.#task()
    if (roll < 0.76) return this.#compound('chain', depth)
    return this.#compound(roll < 0.9 ? 'group' : 'chord', depth)
  }

  #compound(kind: 'chain' | 'group' | 'chord', depth: number): Shape {
    const parts = Array.from({ length: 1 + this.#below(3) }, () => this.#part(kind, depth - 1))
    const callbacks = this.#callbacks(0.12)
    if (kind !== 'chord') return { kind, parts, ...callbacks }
    return { kind, parts, body: this.#any(depth - 1), ...callbacks }
  }

  /** In a chain, also an empty group, as a list that happens to be empty makes it. */
  #part(kind: string, depth: number): Shape {
    const isEmpty = kind === 'chain' && this.#random() < 0.06
    return isEmpty ? { kind: 'group', parts: [] } : this.#any(depth)
  }

  #task(): TaskShape {
    this.#tasks += 1
    const isImmutable = this.#random() < 0.2
    const task = { kind: 'task', tag: this.#tag(), does: this.#does(), isImmutable } as const
    const stamp = this.#random() < 0.08 ? { stamp: `s${task.tag}` } : {}
    return { ...task, ...stamp, ...this.#callbacks(0.12) }
  }

  #does(): Does {
    if (this.#random() < this.#failing) return 'break'
    const roll = this.#random()
    if (roll < 0.72) return 'wrap'
    const others = ['retry', 'to_task', 'to_chain', 'to_group', 'to_chord'] as const
    return others[this.#below(others.length)] ?? 'wrap'
  }

  #callbacks(chance: number): Callbacks {
    const link = this.#random() < chance ? { link: this.#tag() } : {}
    const linkError = this.#random() < chance ? { linkError: this.#tag() } : {}
    return { ...link, ...linkError }
  }

  #tag(): string {
    this.#tags += 1
    return `t${this.#tags}`
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}

/** A small generator of random numbers that is the same everywhere (mulberry32). */
function mulberry(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
