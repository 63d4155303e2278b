import { randomBytes, webcrypto } from 'node:crypto'

const CIPHER = 'AES-GCM'
const KEY_BYTES = 32
const NONCE_BYTES = 12

interface SealedBody {
  /** The nonce, the encrypted bytes, and their tag of 16 bytes. */
  readonly bytes: Buffer
  /** In base64. It opens this body alone. */
  readonly key: string
}

/** Encrypts a body with a key of its own. */
export async function seal(body: Buffer): Promise<SealedBody> {
  const [key, nonce] = [randomBytes(KEY_BYTES), randomBytes(NONCE_BYTES)]
  const cipher = { name: CIPHER, iv: nonce }
  const encrypted = await webcrypto.subtle.encrypt(cipher, await imported(key, 'encrypt'), body)
  return { bytes: Buffer.concat([nonce, Buffer.from(encrypted)]), key: key.toString('base64') }
}

/** Rejects where the key is another body's, or the bytes were changed. */
export async function unseal(bytes: Buffer, key: string): Promise<Buffer> {
  const cipher = { name: CIPHER, iv: bytes.subarray(0, NONCE_BYTES) }
  const opener = await imported(Buffer.from(key, 'base64'), 'decrypt')
  return Buffer.from(await webcrypto.subtle.decrypt(cipher, opener, bytes.subarray(NONCE_BYTES)))
}

function imported(key: Buffer, use: 'encrypt' | 'decrypt'): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('raw', key, CIPHER, false, [use])
}
