import { afterAll, beforeAll } from 'vitest'
import { testTransport } from '../../contracts/transport-contract.ts'
import { deleteVhost, makeVhost, type Vhost } from '../../support/rabbitmq.ts'
import { zocaloSite } from '../../support/recipes.ts'

let vhost: Vhost

// One for all of them: their queues and topics have names of their own.
beforeAll(async () => {
  vhost = await makeVhost()
})
afterAll(async () => {
  await deleteVhost(vhost)
})

testTransport(async () => {
  const { open, queue, topic } = await zocaloSite(vhost)
  return { open, queue: () => queue(), topic: () => topic() }
})
