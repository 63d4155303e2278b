import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { buildProgram } from '../../src/cli/program/program.ts'
import { allMetrics } from '../telemetry/all-metrics.ts'
import {
  compose,
  deployFile,
  instruction,
  instructions,
  KUBERNETES,
  manifests,
  UNITS,
  unitCommand,
} from './deploy-files.ts'

const deployments = manifests().filter(({ kind }) => kind === 'Deployment')

/** What each file runs: `celery-toolbox` and these words. */
const commands: readonly (readonly [where: string, command: readonly string[]])[] = [
  ['the image', JSON.parse(instruction('CMD')) as string[]],
  ...UNITS.map((unit) => [unit, unitCommand(unit)] as const),
  ...deployments.map(
    ({ metadata, spec }) => [metadata.name, spec.template.spec.containers[0].args] as const,
  ),
  ...Object.entries(compose().services).flatMap(([name, { command }]) =>
    command === undefined ? [] : [[`compose: ${name}`, command] as const],
  ),
]

test.each(commands)('%s runs a command with options that it has', async (_where, command) => {
  const [name = '', ...words] = command
  const program = await buildProgram([name])
  const known = program.commands.find((each) => each.name() === name)?.options ?? []
  const flags = [...program.options, ...known].flatMap(({ short, long }) => [short, long])
  const used = words.filter((word) => /^--?[a-zA-Z]/.test(word))
  expect(used.length).toBeGreaterThan(1)
  expect(used.filter((word) => !flags.includes(word))).toEqual([])
})

test('the worker of the image is asked how it is where it says so', () => {
  const address = (JSON.parse(instruction('CMD')) as string[]).at(-1)
  expect(address).toBe(`0.0.0.0:${instruction('EXPOSE')}`)
  expect(instruction('HEALTHCHECK')).toContain(`127.0.0.1:${instruction('EXPOSE')}/livez`)
})

test('the image copies from a stage that it has, and runs as no root', () => {
  const stages = instructions().flatMap(({ rest }) => rest.match(/ AS (\w+)$/)?.[1] ?? [])
  const sources = instructions().flatMap(({ rest }) => rest.match(/^--from=(\w+)/)?.[1] ?? [])
  expect(sources).toEqual(stages)
  expect(instructions().map(({ name }) => name)).toContain('USER')
})

test.each(deployments.map((each) => [each.metadata.name, each] as const))(
  '%s has probes at its port, and a stop of Kubernetes is longer than its own',
  (_name, { spec }) => {
    const { template } = spec
    const [container] = template.spec.containers
    const [{ name, containerPort }] = container.ports
    expect(container.args).toContain(`0.0.0.0:${containerPort}`)
    const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe]
    expect(probes.map(({ httpGet }) => httpGet)).toEqual(
      ['/livez', '/livez', '/readyz'].map((path) => ({ path, port: name })),
    )
    const grace = Number(container.args[container.args.indexOf('--grace') + 1] ?? 10) || 10
    expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThan(grace)
    expect(spec.strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 })
    expect(template.metadata.labels).toEqual(spec.selector.matchLabels)
  },
)

test('compose gives its worker longer than the worker gives its tasks', () => {
  const { command = [], stop_grace_period } = compose().services.worker ?? {}
  expect(Number.parseInt(stop_grace_period ?? '', 10)).toBeGreaterThan(
    Number(command[command.indexOf('--grace') + 1]),
  )
})

test('KEDA scales the workers by depth and oldest age, which the monitor serves', async () => {
  const scaler = manifests().find(({ kind }) => kind === 'ScaledObject')
  expect(deployments.map(({ metadata }) => metadata.name)).toContain(
    scaler?.spec.scaleTargetRef.name,
  )
  const service = manifests().find(({ kind }) => kind === 'Service')
  const address = `http://${service?.metadata.name}:${service?.spec.ports[0].port}/metrics`
  const metrics: string[] = []
  for (const { type, metadata } of scaler?.spec.triggers ?? []) {
    expect({ type, ...metadata }).toMatchObject({
      type: 'metrics-api',
      format: 'prometheus',
      url: address,
    })
    metrics.push(String(metadata.valueLocation).replace(/\{queue="\w+"\}$/, ''))
  }
  expect(metrics).toEqual(['celery_toolbox_queue_messages', 'celery_toolbox_queue_oldest_seconds'])
  const known = await allMetrics()
  expect(metrics.map((name) => known.get(name))).toEqual(['gauge', 'gauge'])
})

test('kustomize takes every file, and the image that the deployments name', () => {
  const { resources, images } = parse(deployFile('kubernetes/kustomization.yaml'))
  expect(resources).toEqual(KUBERNETES)
  const used = deployments.map(({ spec }) => spec.template.spec.containers[0].image)
  expect(new Set(used)).toEqual(new Set([images[0].name]))
})
