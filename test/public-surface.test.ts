import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from './support/services.ts'

const manifest = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'))

// A name that is gone breaks applications, a new one is kept for good: npx vitest run --project unit -u, and look at the change.
test('what the package exports is what test/public-surface.txt lists', async () => {
  const entries = Object.entries<string>(manifest.exports).filter(([, file]) =>
    file.endsWith('.js'),
  )
  const lists = entries.map(([entry, file]) => {
    const source = file.replace('./dist/', '').replace(/\.js$/, '.ts')
    const names = exportedBy(readFileSync(join(PROJECT, source), 'utf8'))
    expect(names.length).toBeGreaterThan(0)
    return `celery-toolbox${entry.slice(1)}\n${names.map((name) => `  ${name}\n`).join('')}`
  })
  await expect(lists.join('\n')).toMatchFileSnapshot('public-surface.txt')
})

/** Names that an index file exports, types marked; it holds nothing but exports. */
function exportedBy(source: string): readonly string[] {
  const text = source.replaceAll(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, '')
  const names = [...text.matchAll(/export (type )?\{([^}]*)\}/g)].flatMap(
    ([, type = '', list = '']) =>
      list
        .split(',')
        .map((each) => each.trim())
        .filter((each) => each !== '')
        .map((each) => (type === '' || each.startsWith('type ') ? each : `${type}${each}`)),
  )
  const whole = [...text.matchAll(/export \* from '([^']+)'/g)].map(
    ([, from = '']) => `* from ${posix.basename(from)}`,
  )
  return [...names, ...whole].toSorted()
}
