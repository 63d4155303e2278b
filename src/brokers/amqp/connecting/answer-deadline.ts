import type { Socket } from 'node:net'
import { startInterval, type Timer } from '../../../async/timer.ts'

/** The parts of the driver that are not public: each question of a channel to the server goes through `_rpc`. */
export interface DriverChannel {
  readonly connection: DriverConnection
  /** Its number. */
  readonly ch: number
  _rpc(method: number, fields: object, expected: number, done: Done): void
}

export interface DriverConnection {
  readonly stream: Socket
  /** The server takes no messages for now, and reads nothing: it will answer when it reads again. */
  readonly blocked?: boolean
}

type Done = (error: unknown, answer?: unknown) => void

/** A server that owes an answer, and sends nothing at all for so long, is gone. */
const SILENT_MS = 10_000
/** One that sends other things may take so long for an answer. */
const LONGEST_MS = 60_000

const nextTurn = setImmediate

const silences = new WeakMap<DriverConnection, number>()

/** Another time than the default, for the calls of one connection. */
export function setSilence(connection: DriverConnection, silentMs: number): void {
  silences.set(connection, silentMs)
}

/**
 * Gives every call of every channel a deadline. A network that swallows packets closes no connection, so one whose call is
 * not answered is closed here: all its calls are rejected then, and it is opened again as after any other loss.
 */
export function addAnswerDeadline(channels: DriverChannel): void {
  const call = channels._rpc
  channels._rpc = function (method, fields, expected, done) {
    const timer = watched(this.connection)
    try {
      call.call(this, method, fields, expected, (error, answer) => {
        timer.clear()
        done(error, answer)
      })
    } catch (cause) {
      timer.clear()
      throw cause
    }
  }
}

function watched(connection: DriverConnection): Timer {
  const { stream } = connection
  const silentMs = silences.get(connection) ?? SILENT_MS
  const askedAt = performance.now()
  let heard = stream.bytesRead
  let isAnswered = false
  const timer = startInterval(silentMs, () => {
    // What came while this process was busy is read first.
    nextTurn(() => {
      const isSilent = stream.bytesRead === heard
      heard = stream.bytesRead
      const waitedMs = performance.now() - askedAt
      if (isAnswered || connection.blocked || (!isSilent && waitedMs < LONGEST_MS)) return
      timer.clear()
      stream.destroy(new Error(`the server gave no answer in ${Math.round(waitedMs)} ms`))
    })
  }).unref()
  return {
    clear: () => {
      isAnswered = true
      timer.clear()
    },
    unref: () => timer,
  }
}
