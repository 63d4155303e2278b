// npm run test:flower: Flower beside our workers as in `npm test`, and the pictures of it in docs/pictures taken anew.
import { existsSync } from 'node:fs'
import { ROOT, run } from './project.mjs'
import { canInstallPackages, installPackages } from './servers/packages.mjs'

const BROWSERS = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium']
const hasBrowser = () => BROWSERS.some((path) => existsSync(path))

if (!hasBrowser() && canInstallPackages()) await installPackages(['chromium-headless-shell'])
if (!hasBrowser()) console.error(`› No pictures: there is no ${BROWSERS.join(', no ')}`)
const { code } = await run(
  process.execPath,
  ['scripts/test.mjs', '--project', 'live', 'test/interop/flower'],
  { cwd: ROOT, env: { ...process.env, ...(hasBrowser() && { FLOWER_PICTURES: '1' }) } },
)
process.exitCode = code
