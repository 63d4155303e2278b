import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Drawn, Outcome } from './outcome.ts'
import { shown } from './shape.ts'

const WRITTEN_EVERY = 50

/** What Python alone made of workflows, kept from run to run where there is a file: it depends on Celery alone. */
export class KnownOutcomes {
  readonly #file: string | undefined
  readonly #outcomes: Map<string, readonly Outcome[]>

  constructor(file?: string) {
    this.#file = file
    const isKept = file !== undefined && existsSync(file)
    this.#outcomes = new Map(isKept ? JSON.parse(readFileSync(file, 'utf8')) : [])
  }

  clear(): void {
    this.#outcomes.clear()
  }

  of(drawn: Drawn): readonly Outcome[] {
    return this.#outcomes.get(keyOf(drawn)) ?? []
  }

  /** One that did not end is not kept: a busy machine may have been the reason. */
  keep(drawn: Drawn, outcomes: readonly Outcome[]): void {
    const ended = outcomes.filter(({ end }) => !('unfinished' in end))
    const different = ended.filter(
      (one, at) => ended.findIndex((other) => isSame(one, other)) === at,
    )
    if (different.length === 0) return
    this.#outcomes.set(keyOf(drawn), different)
    if (this.#outcomes.size % WRITTEN_EVERY === 0) this.write()
  }

  write(): void {
    if (this.#file === undefined) return
    mkdirSync(dirname(this.#file), { recursive: true })
    writeFileSync(this.#file, JSON.stringify([...this.#outcomes]))
  }
}

function keyOf({ seed, backend, shape }: Drawn): string {
  return `${seed} ${backend} ${shown(shape)}`
}

function isSame({ run: _, ...one }: Outcome, { run: __, ...other }: Outcome): boolean {
  return isDeepStrictEqual(one, other)
}
