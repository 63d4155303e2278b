import { readFileSync } from 'node:fs'
import type { SecureContextOptions } from 'node:tls'

/** The error of an option: its name, and what is wrong with it. */
type Unfit = (key: string, why: string, cause?: unknown) => Error

/** TLS options under the names that a driver of Python gives them. Throws what `unfit` makes of one that does not fit. */
export class PythonTlsOptions {
  readonly #options: Readonly<Record<string, unknown>>
  readonly #unfit: Unfit

  constructor(
    options: Readonly<Record<string, unknown>>,
    { known, unfit }: { readonly known: readonly string[]; readonly unfit: Unfit },
  ) {
    for (const key of Object.keys(options)) {
      if (!known.includes(key)) throw unfit(key, `is unknown, expected one of ${known.join(', ')}`)
    }
    this.#options = options
    this.#unfit = unfit
  }

  /** One that does not fit is not shown: it may be a password or a key. */
  text(key: string): string | undefined {
    const value = this.#options[key]
    if (value === undefined || value === null) return undefined
    if (typeof value === 'string' && value !== '') return value
    const found = value === '' ? 'empty' : `of type ${typeof value}`
    throw this.#unfit(key, `is ${found}, expected a text`)
  }

  /** What is in the file that it names, read now. */
  file(key: string): Buffer | undefined {
    const path = this.text(key)
    if (path === undefined) return undefined
    if (path.includes('-----BEGIN')) {
      throw this.#unfit(key, 'is the content of a file, expected its path')
    }
    try {
      return readFileSync(path)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : path
      throw this.#unfit(key, `cannot be read: ${reason}`, cause)
    }
  }

  /** The authorities in the file that it names. Of a file without any, Node makes a client that trusts none. */
  authorities(key: string): Buffer | undefined {
    const pem = this.file(key)
    if (pem !== undefined) this.#check(key, 'holds no certificate in PEM', () => firstIn(pem))
    return pem
  }

  /** A client's certificate and key; as in Python, the certificate's file may hold the key too. */
  ownCertificate(
    certificate: string,
    keyFile: string,
    passphrase?: string,
  ): { readonly cert?: Buffer; readonly key?: Buffer } {
    const cert = this.file(certificate)
    const keyName = this.#options[keyFile] == null ? certificate : keyFile
    const key = this.file(keyName)
    const protectedKey = key && { key, ...(passphrase !== undefined && { passphrase }) }
    if (cert) this.#checkWith({ cert }, certificate, 'holds no certificate in PEM')
    if (protectedKey)
      this.#checkWith(protectedKey, keyName, 'holds no private key that can be read')
    if (cert && protectedKey) {
      this.#checkWith({ cert, ...protectedKey }, keyName, `has not the key of ${certificate}`)
    }
    return { ...(cert && { cert }), ...(key && { key }) }
  }

  /** A list of ciphers in OpenSSL's form. */
  ciphers(key: string): string | undefined {
    const ciphers = this.text(key)
    if (ciphers !== undefined) this.#checkWith({ ciphers }, key, 'names no cipher that there is')
    return ciphers
  }

  /**
   * Whether a client of these `cert_reqs` checks the server's certificate, https://docs.python.org/3/library/ssl.html#ssl.CERT_OPTIONAL:
   * for a client CERT_OPTIONAL is CERT_REQUIRED. Checked where nothing is said.
   */
  checksCertificate(key: string): boolean {
    const required = this.#options[key]
    if (required === undefined || required === null) return true
    const text = String(required)
    if (UNCHECKED.test(text)) return false
    if (CHECKED.test(text)) return true
    throw this.#unfit(key, `is ${text}, expected CERT_NONE, CERT_OPTIONAL or CERT_REQUIRED`)
  }

  #checkWith(options: SecureContextOptions, key: string, why: string): void {
    this.#check(key, why, () => tls().createSecureContext(options))
  }

  #check(key: string, why: string, use: () => unknown): void {
    try {
      use()
    } catch (cause) {
      throw this.#unfit(key, why, cause)
    }
  }
}

/** Throws where there is none. What is not PEM is passed over as an authority. */
function firstIn(pem: Buffer): object {
  const { X509Certificate } = process.getBuiltinModule('node:crypto')
  return new X509Certificate(pem.subarray(Math.max(0, pem.indexOf('-----BEGIN'))).toString())
}

/** Loaded where it is needed: every program that imports the package would pay for it. */
function tls(): typeof import('node:tls') {
  return process.getBuiltinModule('node:tls')
}

const UNCHECKED = /^(?:CERT_)?NONE$|^0$/i
const CHECKED = /^(?:CERT_)?(?:OPTIONAL|REQUIRED)$|^[12]$/i
