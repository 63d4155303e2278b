import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { silentLogger } from '../../../src/logger.ts'
import { Block, operator, StreamMetrics, timer } from '../../../src/streams/index.ts'
import { Metrics } from '../../../src/telemetry/metrics.ts'
import { Collector } from '../support/parts.ts'

test('metrics have the names of the facts under our prefix, and under arroyopy by option', async () => {
  const metrics = await Metrics.open()
  const streams = new StreamMetrics(metrics.kit, { arroyo: true })
  metrics.add(streams)
  const work = operator(function halve(n: number) {
    if (n === 3) throw new Error('odd')
    return n / 2
  })
  const block = new Block('m', work, {
    listeners: [[2, 3, 4]],
    publishers: [new Collector()],
    observer: streams.observer,
    logger: silentLogger,
  })
  streams.watch(block)
  await block.run()
  const { text } = await metrics.read()
  for (const prefix of ['celery_toolbox_', 'arroyopy_']) {
    expect(text).toMatch(
      new RegExp(`^${prefix}messages_received_total\\{listener_type="\\w+"\\} 3$`, 'm'),
    )
    expect(text).toMatch(
      new RegExp(`^${prefix}processing_seconds_bucket\\{le="10",operator_type="halve"\\} 2$`, 'm'),
    )
    expect(text).toContain(`${prefix}avg_processing_seconds{operator_type="halve"}`)
    expect(text).toContain(`# TYPE ${prefix}messages_per_second gauge`)
  }
  expect(text).toContain('celery_toolbox_stream_failed_total 1')
  expect(text).toContain('celery_toolbox_stream_queue_messages{block="m"} 0')
})

test('timer times functions, async ones until they have resolved, and shows events as a table', async () => {
  const times = timer()
  const slow = times.wrap(async function slow() {
    await sleep(20)
  })
  const quick = times.wrap((n: number) => n + 1, 'quick')
  await slow()
  expect(quick(1)).toBe(2)
  times.endEvent()
  quick(2)
  expect(times.rows).toHaveLength(2)
  expect(times.rows[0]?.slow).toBeGreaterThan(0.015)
  expect(Object.keys(times.rows[1] ?? {})).toEqual(['quick'])
  expect(times.table()).toMatch(
    /^event +slow \(ms\) +quick \(ms\)\n {4}1 +\d+\.\d{3} +\d+\.\d{3}\n {4}2 +\d+\.\d{3}$/,
  )
  times.reset()
  expect(times.rows).toEqual([])
})
