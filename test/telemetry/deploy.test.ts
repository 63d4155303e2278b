import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { allMetrics } from './all-metrics.ts'

const PROJECT = resolve(import.meta.dirname, '../..')

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

interface Panel {
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number }
  readonly targets: readonly { readonly expr: string }[]
}

const rules = (
  parse(read('deploy/prometheus-alerts.yml')) as { groups: { rules: Rule[] }[] }
).groups.flatMap((group) => group.rules)
const dashboard = JSON.parse(read('deploy/grafana-dashboard.json')) as { panels: Panel[] }

test('there is an alert for each thing that goes wrong', () => {
  expect(rules.map(({ alert }) => alert)).toEqual(
    expect.arrayContaining([
      'MonitorLagging',
      'QuarantineGrowing',
      'QueueOldestTaskWaits',
      'NoWorkers',
      'TasksFailing',
    ]),
  )
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
})

test.each(rules)('the alert $alert says how bad it is and what it means', (rule) => {
  expect(['warning', 'critical']).toContain(rule.labels.severity)
  expect(rule.annotations.summary).toMatch(/\w/)
  expect(rule.for ?? '1m').toMatch(/^\d+[smh]$/)
  expect(isBalanced(rule.expr)).toBe(true)
})

test.each([
  ['alerts', rules.map(({ expr }) => expr)],
  ['dashboard', dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))],
])('every metric of the %s exists', async (_file, expressions) => {
  const known = await allMetrics()
  const used = expressions.flatMap((expr) => expr.match(/celery_toolbox_\w+/g) ?? [])
  expect(used.length).toBeGreaterThan(5)
  const missing = used.filter((name) => {
    const base = name.replace(/_(?:bucket|sum|count)$/, '')
    return known.get(name) === undefined && known.get(base) !== 'histogram'
  })
  expect(missing).toEqual([])
})

test('rates are taken of counters and histograms alone', async () => {
  const known = await allMetrics()
  const expressions = [
    ...rules.map(({ expr }) => expr),
    ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ]
  const rated = expressions.flatMap((expr) => [
    ...expr.matchAll(/(?:rate|increase)\((celery_toolbox_\w+)/g),
  ])
  const types = rated.map(([, name = '']) => known.get(name.replace(/_bucket$/, '')))
  expect(new Set(types)).toEqual(new Set(['counter', 'histogram']))
})

test('no two panels of the dashboard lie on one another', () => {
  const places = dashboard.panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)
  expect(new Set(places).size).toBe(places.length)
  expect(dashboard.panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true)
})

test('docs/telemetry.md explains every metric, and none that is gone', async () => {
  const named = new Set(read('docs/telemetry.md').match(/celery_toolbox_\w+/g))
  expect([...named].sort()).toEqual([...(await allMetrics()).keys()].sort())
})

function isBalanced(expr: string): boolean {
  let open = 0
  for (const character of expr.replaceAll(/"[^"]*"/g, '')) {
    if ('([{'.includes(character)) open += 1
    if (')]}'.includes(character)) open -= 1
    if (open < 0) return false
  }
  return open === 0
}

function read(path: string): string {
  return readFileSync(join(PROJECT, path), 'utf8')
}
