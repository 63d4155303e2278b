import { MAX_DEPTH, tooLarge } from '../limits.ts'
import { SCALAR, YamlDepth } from './yaml-depth.ts'

/** A parsed token takes more than half a kilobyte, so that a few megabytes of them would end the process. */
const MAX_TOKENS = 250_000
const BLANKS = /^[ \t]+$/

/** A text that PyYAML refuses, or that is nested too deep to be read. */
export class YamlRefusal extends Error {}

/**
 * Refuses by its tokens what the library reads and PyYAML does not: tabs between words, the words `=` and `<<` as values, two
 * anchors of one name; and what is too much to be parsed.
 */
export function checkTokens(tokens: Iterable<string>, length: number): void {
  const checker = new TokenChecker()
  let count = 0
  for (const token of tokens) {
    count += 1
    if (count > MAX_TOKENS) {
      throw tooLarge(`YAML: expected at most ${MAX_TOKENS} tokens in ${length} characters`)
    }
    checker.take(token)
  }
  checker.take('')
}

class TokenChecker {
  readonly #anchors = new Set<string>()
  readonly #depth = new YamlDepth()
  #before = ''
  #isBlock = false
  #isTagged = false
  /** A word that may be a key alone: what comes next has to be a colon. */
  #keyWord = ''

  take(token: string): void {
    if (this.#depth.take(token) > MAX_DEPTH) throw new YamlRefusal(TOO_DEEP)
    if (BLANKS.test(token)) {
      if (token.includes('\t')) throw tabFound()
      return
    }
    if (this.#keyWord !== '' && token !== ':') throw noValue(this.#keyWord)
    this.#keyWord = ''
    if (this.#before === SCALAR) this.#takeScalar(token)
    else this.#takeSign(token)
    this.#before = token
  }

  #takeScalar(text: string): void {
    if (!this.#isBlock && text.includes('\t')) throw tabFound()
    if (!this.#isBlock && !this.#isTagged && (text === '=' || text === '<<')) this.#keyWord = text
    this.#isBlock = false
    this.#isTagged = false
  }

  #takeSign(sign: string): void {
    if (sign.startsWith('&')) this.#takeAnchor(sign)
    if (sign.startsWith('!')) this.#isTagged = true
    if (sign.startsWith('|') || sign.startsWith('>')) this.#isBlock = true
  }

  #takeAnchor(anchor: string): void {
    if (this.#anchors.has(anchor)) throw new YamlRefusal(`the anchor ${anchor} is there twice`)
    this.#anchors.add(anchor)
  }
}

export const TOO_DEEP = `expected at most ${MAX_DEPTH} levels of nesting`

function tabFound(): YamlRefusal {
  return new YamlRefusal('a tab between words; expected blanks')
}

function noValue(word: string): YamlRefusal {
  return new YamlRefusal(`the word ${word} is no value; put it in quotes`)
}
