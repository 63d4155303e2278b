import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Process, startProcess } from '../support/processes.ts'
import { PROJECT } from '../support/services.ts'

/** Stands in for npm: says what it was asked, and makes what the real one would have made. */
const NPM = `#!/bin/sh
echo "npm $*" >> npm.log
case "$1" in
  ci) mkdir -p node_modules && cp package-lock.json node_modules/.package-lock.json ;;
  run) mkdir -p dist/src/cli && cp main.js dist/src/cli/main.js && touch dist/.built ;;
esac
echo asked: "$*"
`

test('start installs and builds a bare clone, then runs dev with the arguments it was given', async () => {
  const clone = bareClone('console.log(JSON.stringify(process.argv.slice(2)))')
  const started = start(clone, ['--once', '--port', '0'])
  expect(await started.exited).toEqual({ code: 0, signal: null })
  expect(started.stdout).toMatch(
    /asked: ci --include=dev --no-audit --no-fund[\s\S]*asked: run --silent build/,
  )
  expect(started.stdout).toMatch(/\["dev","--once","--port","0"\]\n$/)
})

test('start installs and builds nothing where everything is newer than its sources', async () => {
  const clone = bareClone('console.log("ran")')
  await start(clone).exited
  const again = start(clone)
  await again.exited
  expect(again.stdout).toBe('ran\n')
})

test('start builds again after a source was edited', async () => {
  const clone = bareClone('console.log("ran")')
  await start(clone).exited
  const later = Date.now() / 1000 + 10
  utimesSync(join(clone, 'src/index.ts'), later, later)
  const again = start(clone)
  await again.exited
  expect(again.stdout).toBe('asked: run --silent build\nran\n')
})

test('start ends with the exit code of what it runs', async () => {
  const clone = bareClone('process.exitCode = 3')
  expect(await start(clone).exited).toEqual({ code: 3, signal: null })
})

test('start leaves signals to what it runs', async () => {
  const clone = bareClone(
    'process.once("SIGTERM", () => { console.log("warm"); process.exit(7) }); setInterval(() => {}, 1000); console.log("up")',
  )
  const started = start(clone)
  await started.waitForLine(/^up$/m)
  expect(await started.stop('SIGTERM')).toEqual({ code: 7, signal: null })
  expect(started.stdout).toMatch(/warm\n$/)
})

test('start stops with the exit code of a failed install and says what failed', async () => {
  const clone = bareClone('console.log("ran")')
  write(clone, 'bin/npm', '#!/bin/sh\nexit 5\n', 0o755)
  const started = start(clone)
  expect(await started.exited).toEqual({ code: 5, signal: null })
  expect(started.stderr).toContain('Installing packages (npm ci) failed with exit code 5')
})

test('an old Node is recognized before anything else happens', async () => {
  const script = `import { requireNode } from '${join(PROJECT, 'scripts/project.mjs')}'; requireNode('18.20.4')`
  const started = startProcess(process.execPath, ['--input-type=module', '-e', script])
  expect((await started.exited).code).toBe(2)
  expect(started.stderr).toContain('This is Node.js 18.20.4; celery-toolbox needs 20.19 or newer')
})

function bareClone(main: string): string {
  const clone = mkdtempSync(join(tmpdir(), 'clone-'))
  onTestFinished(() => rmSync(clone, { recursive: true, force: true }))
  for (const script of ['start.mjs', 'project.mjs']) {
    cpSync(join(PROJECT, 'scripts', script), join(clone, 'scripts', script))
  }
  write(clone, 'package.json', '{"type":"module"}')
  write(clone, 'package-lock.json', '{"packages":{"":{}}}')
  write(clone, 'src/index.ts', '')
  write(clone, 'main.js', main)
  write(clone, 'bin/npm', NPM, 0o755)
  return clone
}

function start(clone: string, args: readonly string[] = []): Process {
  return startProcess(process.execPath, [join(clone, 'scripts/start.mjs'), ...args], {
    cwd: clone,
    env: { PATH: `${join(clone, 'bin')}:${process.env.PATH}` },
  })
}

function write(clone: string, name: string, text: string, mode = 0o644): void {
  const path = join(clone, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  chmodSync(path, mode)
}
