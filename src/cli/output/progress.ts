import { grouped } from '../../count-text.ts'

export interface ProgressOptions {
  /** What is done, such as "replayed". */
  readonly title: string
  /** How many there are; undefined where that is unknown. */
  readonly total?: number | undefined
  /** Where it is drawn. Default standard error, so that standard output holds the answer alone. */
  readonly stream?: ProgressStream
  readonly nowMs?: () => number
}

/** The part of a terminal, or of a log, that is needed. */
interface ProgressStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const REDRAW_MS = 100
const LINE_EVERY_MS = 5000
const BAR_WIDTH = 24

/** How far long work is: a bar that moves on a terminal, a line every few seconds elsewhere, and one at the end. */
export class Progress {
  readonly #options: ProgressOptions
  readonly #stream: ProgressStream
  readonly #nowMs: () => number
  readonly #startedMs: number
  #shownMs: number
  #done: number = 0

  constructor(options: ProgressOptions) {
    this.#options = options
    this.#stream = options.stream ?? { ...terminal(), write: (text) => process.stderr.write(text) }
    this.#nowMs = options.nowMs ?? (() => performance.now())
    this.#startedMs = this.#nowMs()
    this.#shownMs = this.#startedMs
  }

  /** Shows how many are done by now. */
  update(done: number): void {
    this.#done = done
    const everyMs = this.#stream.isTTY === true ? REDRAW_MS : LINE_EVERY_MS
    if (this.#nowMs() - this.#shownMs < everyMs) return
    this.#shownMs = this.#nowMs()
    if (this.#stream.isTTY === true) this.#stream.write(`\r\u001b[2K${this.#barLine()}`)
    else this.#stream.write(`${this.#line()}\n`)
  }

  add(count = 1): void {
    this.update(this.#done + count)
  }

  /** The last line stays. */
  end(): void {
    const isDrawn = this.#stream.isTTY === true
    this.#stream.write(isDrawn ? `\r\u001b[2K${this.#line()}\n` : `${this.#line()}\n`)
  }

  #barLine(): string {
    const { total } = this.#options
    const line = this.#line()
    if (total === undefined || total === 0) return line
    const filled = Math.round(Math.min(this.#done / total, 1) * BAR_WIDTH)
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`
    const width = this.#stream.columns ?? 80
    return line.length + BAR_WIDTH + 1 < width ? `${bar} ${line}` : line
  }

  #line(): string {
    const { title, total } = this.#options
    const elapsedS = (this.#nowMs() - this.#startedMs) / 1000
    const perSecond = elapsedS > 0 ? this.#done / elapsedS : 0
    const counted =
      total === undefined ? grouped(this.#done) : `${grouped(this.#done)} of ${grouped(total)}`
    const rate = perSecond >= 1 ? `, ${grouped(Math.round(perSecond))}/s` : ''
    return `${title}: ${counted}${rate}${this.#remaining(perSecond)}`
  }

  #remaining(perSecond: number): string {
    const { total } = this.#options
    if (total === undefined || perSecond === 0 || this.#done >= total) return ''
    return `, ${spanText((total - this.#done) / perSecond)} left`
  }
}

function terminal(): Pick<ProgressStream, 'isTTY' | 'columns'> {
  return { isTTY: process.stderr.isTTY === true, columns: process.stderr.columns ?? 80 }
}

function spanText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}
