// Debian packages, installed as root, without letting any of them start a server of its own.
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { run } from '../project.mjs'
import { findProgram, isRoot } from './machine.mjs'

const POLICY = '/usr/sbin/policy-rc.d'
const UNITS = ['rabbitmq-server', 'postgresql', 'redis-server', 'epmd.socket', 'epmd']

export function canInstallPackages() {
  return isRoot() && findProgram('apt-get') !== undefined
}

/** Runs apt-get update and install, shown. Where it fails, the next place that may have the server is tried. */
export async function installPackages(packages) {
  console.error(`› Installing ${packages.join(', ')} (apt-get)`)
  const liftPolicy = forbidStarting()
  try {
    await apt(['update']) // one mirror that is away must not keep the others from serving
    await apt(['install', '-y', '--no-install-recommends', ...packages])
  } finally {
    liftPolicy()
  }
  await forbidStartingAtBoot(packages)
}

async function apt(args) {
  const options = ['-q', '-o', 'Dpkg::Use-Pty=0', '-o', 'DPkg::Lock::Timeout=300']
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' }
  const { code } = await run('apt-get', [...options, ...args], { env, stdio: ['ignore', 2, 2] })
  if (code !== 0) console.error(`  apt-get ${args.join(' ')} failed with exit code ${code}`)
}

/** Debian starts a server as soon as it is installed, some on every address, unless this file says no. */
function forbidStarting() {
  if (existsSync(POLICY)) return () => undefined
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  return () => rmSync(POLICY, { force: true })
}

async function forbidStartingAtBoot(packages) {
  if (!findProgram('systemctl')) return
  const fresh = UNITS.filter((unit) => packages.some((name) => unit.startsWith(name)))
  // Fails where systemd is installed but does not run: then nothing starts at boot either.
  await run('systemctl', ['disable', ...fresh, ...UNITS.filter((unit) => /^epmd/.test(unit))], {
    stdio: 'ignore',
  })
}
