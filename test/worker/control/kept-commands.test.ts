import { expect, onTestFinished, test } from 'vitest'
import { Mailbox } from '../../../src/control/mailbox.ts'
import type { ControlCommand } from '../../../src/protocol/control/control.ts'
import type { Message } from '../../../src/protocol/message.ts'
import { embeddedApp, recordingLogger } from '../../support/embedded-app.ts'

const NONE = { close: () => Promise.resolve() }

test('a kept command that cannot be read keeps no worker from hearing the others', async () => {
  const logger = recordingLogger()
  const { config, clock } = embeddedApp()
  const recalled: unknown[] = []
  const bodies = ['no JSON', '{"method": {}}', revokeOf('first'), revokeOf('odd'), revokeOf('last')]
  const mailbox = new Mailbox({
    hostname: 'w1@test',
    carrier: async () => ({
      declare: () => Promise.resolve(),
      publish: () => Promise.resolve(),
      consume: () => Promise.resolve(NONE),
      kept: async () => bodies.map((body) => ({ message: messageOf(body), sentAt: new Date() })),
    }),
    settings: config,
    clock,
    logger,
    commands: new Map(),
    onKept: ({ arguments: { task_id: id } }: ControlCommand) => {
      if (id === 'odd') throw new TypeError('it cannot be carried out')
      recalled.push(id)
    },
  })
  onTestFinished(() => mailbox.stop())
  await mailbox.start()
  expect(mailbox.isOpen).toBe(true)
  expect(recalled).toEqual(['first', 'last'])
  const warnings = logger.lines.map(({ level, sentence }) => `${level}: ${sentence}`)
  expect(warnings).toEqual(
    Array.from({ length: 3 }, () => 'warn: a kept command of remote control cannot be read'),
  )
})

function revokeOf(id: string): string {
  return JSON.stringify({ method: 'revoke', arguments: { task_id: id } })
}

function messageOf(body: string): Message {
  const properties = { contentType: 'application/json', contentEncoding: 'utf-8' }
  return { headers: {}, properties, body: Buffer.from(body) }
}
