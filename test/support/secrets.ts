/** Letters of which no run of four stands in an id, a number or a word of any language that we write. */
const LETTERS = 'qzxwvjk'
const RUN = 4
const LENGTH = 12

/**
 * Secrets, each with a name, of which no two have four characters in a row in common: a run that is seen somewhere says
 * which of them is shown.
 */
export class Secrets {
  readonly #left = [...words()]
  readonly #byName = new Map<string, string>()

  /** The secret of that name: twelve letters, the same whenever it is asked for. */
  of(name: string): string {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    const word = this.#left.pop()
    if (word === undefined) throw new Error('there are no more secrets')
    this.#byName.set(name, word)
    return word
  }

  /** The names of the secrets of which four characters in a row are in the text, and where. */
  shownIn(text: string): readonly string[] {
    return [...this.#byName].flatMap(([name, word]) => {
      const at = runsOf(word)
        .map((run) => text.indexOf(run))
        .find((place) => place >= 0)
      return at === undefined ? [] : [`${name}: …${text.slice(Math.max(0, at - 80), at + 30)}…`]
    })
  }
}

function runsOf(word: string): readonly string[] {
  return Array.from({ length: word.length - RUN + 1 }, (_, at) => word.slice(at, at + RUN))
}

/** Pieces of a sequence in which each run of four is found once: https://en.wikipedia.org/wiki/De_Bruijn_sequence */
function* words(): Generator<string> {
  const sequence = deBruijn(LETTERS.length, RUN).map((letter) => LETTERS[letter])
  for (let at = 0; at + LENGTH <= sequence.length; at += LENGTH) {
    const word = sequence.slice(at, at + LENGTH).join('')
    if (!/(.)\1\1/.test(word)) yield word
  }
}

function deBruijn(letters: number, length: number): number[] {
  const sequence: number[] = []
  const word = new Array<number>(letters * length).fill(0)
  const extend = (at: number, period: number): void => {
    if (at > length) {
      if (length % period === 0) sequence.push(...word.slice(1, period + 1))
      return
    }
    word[at] = word[at - period] ?? 0
    extend(at + 1, period)
    for (let letter = (word[at - period] ?? 0) + 1; letter < letters; letter += 1) {
      word[at] = letter
      extend(at + 1, at)
    }
  }
  extend(1, 1)
  return sequence
}
