import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from './support/services.ts'

const sources = new Map(
  ['src', 'test', 'bench', 'examples', 'migrations'].flatMap((folder) =>
    readdirSync(join(PROJECT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.m?[jt]s$/.test(file) && !file.includes('node_modules'))
      .map((file) => [`${folder}/${file}`, readFileSync(join(PROJECT, folder, file), 'utf8')]),
  ),
)

test('each exported name of src is used in another file, or stands in what the package exports', () => {
  const uses = new Map<string, number>()
  for (const source of sources.values()) {
    for (const word of wordsOf(source)) uses.set(word, (uses.get(word) ?? 0) + 1)
  }
  const entries = entryFiles()
  const unused = [...sources]
    .filter(([file]) => file.startsWith('src/') && !entries.has(file))
    .flatMap(([file, source]) => exportsOf(source).map((name) => ({ file, name })))
    .filter(({ name }) => uses.get(name) === 1)
  expect(unused).toEqual([])
})

function exportsOf(source: string): string[] {
  const declared =
    /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|const|class|interface|type) (\w+)/gm
  return [...source.matchAll(declared)].map(([, name = '']) => name)
}

function wordsOf(source: string): ReadonlySet<string> {
  return new Set(source.replaceAll(/^\s*(?:\/\/|\/?\*).*$| \/\/ .*$/gm, '').match(/\w+/g))
}

function entryFiles(): ReadonlySet<string> {
  const { exports, bin } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'))
  const built = JSON.stringify({ exports, bin }).match(/src\/[\w./-]+?\.js/g) ?? []
  return new Set(built.map((file) => file.replace(/js$/, 'ts')))
}
