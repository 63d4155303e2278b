import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { PROJECT } from '../support/services.ts'

export const DEPLOY = join(PROJECT, 'deploy')
export const KUBERNETES = ['settings.yaml', 'monitor.yaml', 'worker.yaml', 'keda.yaml'] as const
export const UNITS = ['celery-toolbox-worker@.service', 'celery-toolbox-monitor.service'] as const

export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  // biome-ignore lint/suspicious/noExplicitAny: as deep as Kubernetes likes
  readonly spec: any
}

export function deployFile(path: string): string {
  return readFileSync(join(DEPLOY, path), 'utf8')
}

export function manifests(): readonly Manifest[] {
  return KUBERNETES.flatMap((file) =>
    parseAllDocuments(deployFile(`kubernetes/${file}`)).map(
      (document) => document.toJS() as Manifest,
    ),
  )
}

export interface ComposeService {
  readonly command?: readonly string[]
  readonly stop_grace_period?: string
}

export function compose(): {
  readonly name: string
  readonly services: Readonly<Record<string, ComposeService>>
} {
  return parse(deployFile('compose.yml'), { merge: true }) as {
    name: string
    services: Record<string, ComposeService>
  }
}

export interface Instruction {
  readonly name: string
  readonly rest: string
}

/** The instructions of the Dockerfile, whose lines have no continuations. */
export function instructions(): readonly Instruction[] {
  return deployFile('Dockerfile')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [name = '', ...words] = line.split(' ')
      return { name, rest: words.join(' ') }
    })
}

export function instruction(name: string): string {
  return instructions().findLast((each) => each.name === name)?.rest ?? ''
}

/** The words after `main.js` of a unit's ExecStart. */
export function unitCommand(unit: string): readonly string[] {
  const line = deployFile(`systemd/${unit}`).match(/^ExecStart=.*main\.js (.*)$/m)?.[1] ?? ''
  return line.split(' ').filter((word) => !word.startsWith('$'))
}
