import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { SiteConfig } from '../../src/recipes/index.ts'

/** A site whose management API lists these queues. */
export async function siteWith(...queues: object[]): Promise<SiteConfig> {
  const server = createServer((_request, response) => response.end(JSON.stringify(queues)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const config = SiteConfig.fromString(
    `version: 1\na: {plugin: rabbitmqapi, base_url: "http://127.0.0.1:${port}/api", username: u, password: p}\nenvironments: {default: [a]}\n`,
  )
  await config.activate([])
  return config
}
