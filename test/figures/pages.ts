import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  differencesList,
  figuresSentence,
  listedFields,
  listedWorkflows,
  suiteTable,
  workflowsSentence,
} from './sentences.ts'
import type { Figures } from './types.ts'

/** The pages that state figures, each between `<!-- name -->` and `<!-- /name -->`. */
export const PAGES = ['README.md', 'docs/interop.md'] as const

const SECTIONS: Readonly<Record<string, (figures: Figures) => string>> = {
  suite: suiteTable,
  differences: differencesList,
  workflows: workflowsSentence,
  'listed workflows': listedWorkflows,
  'listed fields': listedFields,
  figures: figuresSentence,
}

export function readPage(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8')
}

/** The page with its figures as they are now. */
export function upToDate(page: string, figures: Figures): string {
  return Object.entries(SECTIONS).reduce(
    (text, [name, section]) =>
      text.replace(
        new RegExp(`(<!-- ${name} -->\\n?)[^]*?(\\n?<!-- /${name} -->)`),
        (_all, start: string, end: string) => start + section(figures) + end,
      ),
    readPage(page),
  )
}

export function writePages(figures: Figures): void {
  for (const page of PAGES) writeFileSync(join(ROOT, page), upToDate(page, figures))
}

const ROOT = join(import.meta.dirname, '../..')
