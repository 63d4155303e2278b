import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { printed } from '../../src/config/printed.ts'
import type { Setting } from '../../src/config/setting.ts'
import { celerySettings, toolboxSettings } from '../../src/config/settings.ts'

const PAGE = join(import.meta.dirname, '../../docs/config.md')
const TABLES = /(<!-- settings:.*-->\n)[\s\S]*(<!-- end of settings -->)/

test('docs/config.md has every setting, as it is declared', async () => {
  const page = readFileSync(PAGE, 'utf8')
  expect(page).toMatch(TABLES)
  const current = page.replace(TABLES, (_, begin: string, end: string) => begin + tables() + end)
  await expect(current).toMatchFileSnapshot(PAGE)
})

function tables(): string {
  return [
    table("The toolbox's own", Object.entries(toolboxSettings)),
    table("Celery's", Object.entries(celerySettings)),
  ].join('')
}

function table(title: string, rows: readonly (readonly [string, Setting<unknown>])[]): string {
  const lines = rows.map(([name, setting]) => row(name, setting))
  return `\n### ${title}\n\n| setting | takes | default | state | |\n|---|---|---|---|---|\n${lines.join('\n')}\n\n`
}

function row(name: string, setting: Setting<unknown>): string {
  const { celeryDefault: celery, since } = setting
  const notes = [
    ...(celery === undefined || printed(celery) === printed(setting.default)
      ? []
      : [`Celery's default is \`${printed(celery)}\`.`]),
    ...(since === undefined ? [] : [`New in Celery ${since}.`]),
  ]
  const cells = [
    `\`${name}\``,
    setting.type.name,
    `\`${printed(setting.default)}\``,
    setting.state ?? 'effect',
    [setting.documentation, ...notes].join(' '),
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
