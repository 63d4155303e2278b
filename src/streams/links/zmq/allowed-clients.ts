import type { Router } from 'zeromq'
import type { Driver } from './driver.ts'

const ZAP_ADDRESS = 'inproc://zeromq.zap.01'

/** Allowed public keys, as bytes in hex, by the domain that a socket names. */
const allowed = new Map<string, ReadonlySet<string>>()
let answering: Promise<void> | undefined

/**
 * Lets only these keys in: answers ZeroMQ's questions about clients (https://rfc.zeromq.org/spec/27/). One answerer
 * serves the process, as there is one address for it. Answers the domain that the socket has to name.
 */
export async function allowClients(driver: Driver, keys: readonly string[]): Promise<string> {
  answering ??= startAnswering(driver)
  await answering
  const domain = `clients-${[...keys].sort().join('|').length}-${allowed.size}`
  const known = [...allowed].find(([, set]) => isSame(set, keys))
  if (known !== undefined) return known[0]
  allowed.set(domain, new Set(keys.map((key) => z85Decoded(key).toString('hex'))))
  return domain
}

function isSame(set: ReadonlySet<string>, keys: readonly string[]): boolean {
  return set.size === keys.length && keys.every((key) => set.has(z85Decoded(key).toString('hex')))
}

async function startAnswering(driver: Driver): Promise<void> {
  const router = new driver.Router({ linger: 0 })
  await router.bind(ZAP_ADDRESS)
  void answer(router)
}

/** Until the process ends; the pending receive does not keep it alive. */
async function answer(router: Router): Promise<void> {
  router.events.on('end', () => undefined)
  for await (const frames of router) {
    const [sender, empty, version, id, domain, , , mechanism, key] = frames as Buffer[]
    const isAllowed =
      String(mechanism) === 'CURVE' &&
      allowed.get(String(domain))?.has(key?.toString('hex') ?? '') === true
    const [code, status] = isAllowed ? ['200', 'OK'] : ['400', 'key is not allowed']
    await router.send([sender, empty, version, id, code, status, '', ''] as Buffer[])
  }
}

const Z85 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#'

/** https://rfc.zeromq.org/spec/32/ */
function z85Decoded(text: string): Buffer {
  const bytes = Buffer.alloc((text.length * 4) / 5)
  for (let at = 0; at < text.length; at += 5) {
    let value = 0
    for (const character of text.slice(at, at + 5)) value = value * 85 + Z85.indexOf(character)
    bytes.writeUInt32BE(value >>> 0, (at * 4) / 5)
  }
  return bytes
}
