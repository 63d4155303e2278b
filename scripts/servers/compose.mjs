// Servers in containers, by scripts/services.compose.yml.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT, run } from '../project.mjs'
import { CHECKOUT } from './state.mjs'

const BASE = [
  'compose',
  '--file',
  join(ROOT, 'scripts/services.compose.yml'),
  '--project-name',
  `celery-toolbox-${CHECKOUT}`,
]

/** True where docker compose is installed and its daemon answers. */
export function canCompose() {
  const answers = (args) => spawnSync('docker', args, { stdio: 'ignore' }).status === 0
  return answers(['compose', 'version']) && answers(['info'])
}

export async function startContainer(name, port) {
  console.error(`› Starting ${name} in a container (docker compose)`)
  const env = { ...process.env, [`${name.toUpperCase()}_PORT`]: String(port) }
  const { code } = await run('docker', [...BASE, 'up', '--detach', name], {
    env,
    stdio: ['ignore', 2, 2],
  })
  if (code !== 0) throw new Error(`docker compose up ${name} failed with exit code ${code}`)
}

export async function removeContainer(name) {
  await run('docker', [...BASE, 'rm', '--stop', '--force', '--volumes', name], {
    stdio: ['ignore', 2, 2],
  })
}

export function isContainerRunning(name) {
  const args = [...BASE, 'ps', '--status', 'running', '--quiet', name]
  return spawnSync('docker', args, { encoding: 'utf8' }).stdout?.trim() !== ''
}

/** The command that runs a program inside the container. */
export function inContainer(name, command) {
  return ['docker', ...BASE, 'exec', '-T', name, ...command]
}
