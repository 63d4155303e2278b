import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { onTestFinished } from 'vitest'

interface Certificate {
  readonly key: string
  readonly cert: string
}

/** For localhost. */
export function selfSigned(): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'certificate-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const kind = ['-newkey', 'rsa:2048', '-nodes', '-x509', '-days', '2']
  execFileSync('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  })
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
}

/** A TLS door before the plain broker. */
export async function behindTls(plainUrl: string, certificate: Certificate): Promise<string> {
  const plain = new URL(plainUrl)
  const server = createServer({ ...certificate }, (secure) => {
    const inner = connect(Number(plain.port) || 5672, plain.hostname)
    secure.pipe(inner).pipe(secure)
    secure.on('error', () => inner.destroy())
    inner.on('error', () => secure.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return plainUrl.replace(/^amqp:\/\/(.*@)?[^/]*/, `amqps://$1localhost:${port}`)
}
