import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder with `NAME.pem` and `NAME.key` of each: `server`, `expired` and `client`, signed by `ca`; and another authority, `other-ca`. */
export interface Certificates extends Disposable {
  path(file: string): string
}

/** An authority, and what it has signed, for localhost and 127.0.0.1. Other users may read the files, as servers do. */
export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'certificates-'))
  chmodSync(folder, 0o755)
  const path = (file: string): string => join(folder, file)
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  for (const name of ['ca', 'other-ca']) openssl('req', '-x509', '-days', '2', ...newKey(name))
  writeFileSync(path('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  writeFileSync(path('ca.conf'), CA_CONF)
  mkdirSync(path('issued'))
  writeFileSync(path('index.txt'), '')
  writeFileSync(path('serial'), '1000\n')
  for (const name of ['server', 'expired', 'client']) {
    openssl('req', ...newKey(name, 'csr'))
    openssl(...signing(name), ...(name === 'expired' ? EXPIRED : ['-days', '2']))
    chmodSync(path(`${name}.key`), 0o644)
  }
  return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
}

const newKey = (name: string, type = 'pem'): string[] => [
  ...['-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`],
  ...['-keyout', `${name}.key`, '-out', `${name}.${type}`],
]

const signing = (name: string): string[] => [
  ...['ca', '-batch', '-notext', '-config', 'ca.conf', '-extfile', 'names'],
  ...['-in', `${name}.csr`, '-out', `${name}.pem`],
]

const EXPIRED = ['-startdate', '20200101000000Z', '-enddate', '20200102000000Z']

const CA_CONF = `
[ca]
default_ca = authority
[authority]
database = index.txt
serial = serial
new_certs_dir = issued
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
`
