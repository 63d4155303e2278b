import { expect, test } from 'vitest'
import { runCli } from '../../support/processes.ts'
import { zocalo } from '../../support/zocalo.ts'

test.each([
  ['Sample', 'SampleConsumer, SamplePipethrough, SampleProducer, SampleTxn, SampleTxnProducer'],
  ['samplet', 'SampleTxn, SampleTxnProducer'],
])(
  'service ends with 1 on the ambiguous name %s, and says which there are',
  async (name, names) => {
    const { code, stderr } = await runCli(['service', '-s', name, '-t', 'OfflineTransport'])
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `Ambiguous service "${name}"; there are: ${names}\n`,
    })
  },
)

test('service ends with 1 on an unknown name, and says which there are, those of the project too', async () => {
  const site = await zocalo()
  const run = site.ours('service', '-s', 'NoSuchService')
  expect(await run.exited).toEqual({ code: 1, signal: null })
  expect(run.stderr).toBe(
    `Unknown service "NoSuchService"; there are: CeleryTask, Dispatcher, Fragile, JSONLines, NodePassOn, Runner, SampleConsumer, SamplePipethrough, SampleProducer, SampleTxn, SampleTxnProducer, Schlockmeister, Slow, Tap, Torn\n`,
  )
  for (const name of ['torn', 'Tor', 'tor']) {
    const found = site.ours('service', '-s', name, '-t', 'OfflineTransport')
    await found.waitForLine(/^Torn is running on OfflineTransport$/m)
    expect(await found.stop()).toEqual({ code: 0, signal: null })
  }
}, 120_000)

const OFFLINE = ['-t', 'OfflineTransport', '--rabbit-port', '1'] // where no broker is

test('go over the offline transport says what it would send, and needs no broker', async () => {
  const run = await runCli(['go', '-r', 'example', '-s', 'a=1', '1234', '-v', ...OFFLINE])
  expect(run).toMatchObject({ code: 0 })
  expect(run.stdout).toMatch(/for data collection 1234\n[\s\S]*\nSubmitted\.\n$/)
  expect(run.stderr).toContain('Offline Transport: sending to a queue')
}, 60_000)

test('a service over the offline transport logs its calls, and needs no broker', async () => {
  const site = await zocalo()
  const run = site.ours('service', '-s', 'SampleProducer', ...OFFLINE)
  await run.waitForLine(/Offline Transport: sending to a queue/)
  expect(await run.stop()).toEqual({ code: 0, signal: null })
  expect(await site.open().depth('transient.destination')).toBe(0)
}, 60_000)

test('service -d logs every step of the transport, and without it none', async () => {
  const site = await zocalo()
  const transport = site.open()
  const loud = site.ours('service', '-s', 'SampleConsumer', '-d')
  await loud.waitForLine(/call of the transport call=subscribe of=transient\.destination/)
  await transport.send('transient.destination', 'one')
  await loud.waitForLine(/DEBUG workflows\.transport: a message came .*of=transient\.destination/)
  expect(await loud.stop()).toEqual({ code: 0, signal: null })
  const quiet = site.ours('service', '-s', 'SampleConsumer', '-v')
  await transport.send('transient.destination', 'two')
  await quiet.waitForLine(/Consume.*two/)
  expect(await quiet.stop()).toEqual({ code: 0, signal: null })
  expect(quiet.output).not.toContain('workflows.transport')
  const offline = site.ours('service', '-s', 'SampleProducer', '-d', ...OFFLINE)
  await offline.waitForLine(/Offline Transport: details.*queue=transient\.destination/)
  expect(await offline.stop()).toEqual({ code: 0, signal: null })
}, 60_000)
