import { execFile } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PROJECT } from '../../support/services.ts'

const FOLDER = join(PROJECT, 'docs/pictures')
const BROWSERS = ['chromium-headless-shell', 'chromium'].map((name) => `/usr/bin/${name}`)

/** Takes a picture of a page for the docs: `npm run test:flower` wants them, and brings the browser. */
export async function takePicture(url: string, name: string): Promise<void> {
  if (process.env.FLOWER_PICTURES === undefined) return
  const browser = BROWSERS.find((path) => existsSync(path))
  if (browser === undefined) throw new Error(`no browser: expected ${BROWSERS.join(' or ')}`)
  mkdirSync(FOLDER, { recursive: true })
  const args = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--hide-scrollbars',
    '--window-size=1280,860',
    '--virtual-time-budget=8000',
    `--screenshot=${join(FOLDER, `${name}.png`)}`,
    url,
  ]
  await promisify(execFile)(browser, args, { timeout: 60_000 })
}
