// A clock that is wrong by as many seconds as the file CLOCK_OFFSET has: NODE_OPTIONS=--import=…/node-clock.mjs
import { readFileSync } from 'node:fs'

const RealDate = Date
const realNow = Date.now
const offsetMs = () => 1000 * Number(readFileSync(process.env.CLOCK_OFFSET, 'utf8'))

globalThis.Date = class extends RealDate {
  constructor(...args) {
    super(...(args.length === 0 ? [realNow() + offsetMs()] : args))
  }

  static now() {
    return realNow() + offsetMs()
  }
}
