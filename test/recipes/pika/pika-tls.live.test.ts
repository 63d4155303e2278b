import { expect, onTestFinished, test } from 'vitest'
import { type PikaOptions, PikaTransport } from '../../../src/recipes/index.ts'
import { zocaloSite } from '../../support/recipes.ts'
import { behindTls, selfSigned } from '../../support/tls-door.ts'
import { waitFor } from '../../support/wait-for.ts'

test('messages go over TLS, under a name, to a broker whose certificate is known', async () => {
  const site = await zocaloSite()
  const queue = await site.queue()
  const certificate = selfSigned()
  const url = new URL(await behindTls(site.vhost.url, certificate))
  const options = { ...site.options, host: url.hostname, port: url.port }
  const transport = opened({
    ...options,
    tls: { ca: certificate.cert },
    connectionName: 'beamline i03',
  })
  const taken: unknown[] = []
  await transport.subscribe(queue, (_header, message) => void taken.push(message))
  await transport.send(queue, 'secret')
  await waitFor('the message', () => taken.length === 1)
  expect(taken).toEqual(['secret'])
  const listed = await site.vhost.rabbitmqctl('list_connections', 'vhost', 'client_properties')
  const own = listed.split('\n').filter((line) => line.startsWith(`${site.vhost.name}\t`))
  expect(own.some((line) => line.includes('beamline i03'))).toBe(true)
  await expect(opened({ ...options, tls: true }).connect()).rejects.toThrow(
    /self-signed certificate/,
  )
})

function opened(options: PikaOptions): PikaTransport {
  const transport = new PikaTransport(options)
  onTestFinished(() => transport.disconnect())
  return transport
}
