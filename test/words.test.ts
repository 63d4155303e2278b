import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from './support/services.ts'

/** A sentence or a name with one of these leaves open who acts: name the worker, the monitor, the caller or the server instead. */
const RIDDLES = /nobody|whoever|whatever|told|vanish|\b(?:somebody|tells)\b/i

/** The user of the system whose name it is. */
const QUOTED = /'nobody'/g

const PAGES = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md']

test('sources and docs name who acts: no nobody, whoever, whatever, told or vanished', () => {
  const places = ['src', 'docs', 'migrations', 'examples', ...PAGES]
  expect(linesWith(RIDDLES, places)).toEqual([])
})

test('sources and docs say who does what: nothing goes on', () => {
  expect(linesWith(/\bgo(?:es|ne)? on\b|\bgoing on\b/i, ['src', 'docs', ...PAGES])).toEqual([])
})

function linesWith(words: RegExp, places: readonly string[]): string[] {
  return places.flatMap(filesIn).flatMap((file) =>
    readFileSync(join(PROJECT, file), 'utf8')
      .replaceAll(QUOTED, '')
      .split('\n')
      .flatMap((line, at) => (words.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [])),
  )
}

function filesIn(place: string): string[] {
  const path = join(PROJECT, place)
  if (statSync(path).isFile()) return [place]
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(?:ts|md|sql|py|js|mjs)$/.test(file) && !file.includes('node_modules'))
    .map((file) => `${place}/${file}`)
}
