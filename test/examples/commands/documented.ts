import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT } from '../../support/services.ts'

/** A command as a page shows it. */
export interface Documented {
  readonly page: string
  readonly line: number
  readonly command: string
}

const FENCE = /^ *```(\w*)/
/** Blocks without a language are indented; text in them is told apart by how it begins. */
const INDENTED =
  /^ {4}((?:npx |npm |rabbitmqctl |python |celery )?[\w.-]*celery-toolbox .*|(?:npx|npm|rabbitmqctl) .*)$/

/** Every command of README and docs: lines of sh, bash and console blocks, and indented ones. */
export function documentedCommands(): readonly Documented[] {
  const pages = readdirSync(join(PROJECT, 'docs')).filter((name) => name.endsWith('.md'))
  return ['README.md', ...pages.toSorted().map((name) => `docs/${name}`)].flatMap(commandsOf)
}

function commandsOf(page: string): readonly Documented[] {
  const found: Documented[] = []
  let language: string | undefined
  for (const [index, text] of readFileSync(join(PROJECT, page), 'utf8').split('\n').entries()) {
    const fence = FENCE.exec(text)
    if (fence) {
      language = language === undefined ? fence[1] : undefined
      continue
    }
    const command = commandIn(text, language)
    if (command !== undefined) found.push({ page, line: index + 1, command })
  }
  return found
}

function commandIn(text: string, language: string | undefined): string | undefined {
  if (language === undefined) return INDENTED.exec(text)?.[1]
  if (!['sh', 'bash', 'console'].includes(language)) return undefined
  const command = text.trim().replace(/^\$ /, '')
  return command === '' || command.startsWith('#') ? undefined : command
}

/** Those that are not run by this test, with the reason. The first that matches counts. */
export const NOT_RUN: readonly (readonly [RegExp, string])[] = [
  [/^npm install/, 'asks the registry; test/projects installs the packed package'],
  [/^npm (?:start|test)\b/, 'this is what runs here; test/scripts/start.test.ts has npm start'],
  [/^npm run bench/, 'takes minutes, and measures nothing on a machine that is shared'],
  [/^npm run (?:worker|call)$/, 'the seven steps: test/projects/first-hour.live.test.ts'],
  [/init --python|^python -c "from shop/, 'the seven steps: test/projects/first-hour.live.test.ts'],
  [/^npx celery-toolbox monitor -A app.ts --migrate/, 'the seven steps, as above'],
  [/^npx vitest/, 'runs tests; npm test does'],
  [/^npx celery-toolbox COMMAND/, 'says how all are called'],
  [/up \| down/, 'names four commands: test/cli/migrate.live.test.ts runs each'],
  [/sqs:\/\//, 'needs a server that stands for Amazon SQS: npm run test:sqs'],
  [
    /^(?:export ZOCALO|npx zocalo\.)/,
    'a block of jobs: test/interop/zocalo/pipelines.live.test.ts',
  ],
  [/ wrap --wrap/, 'needs a step of a recipe: test/interop/zocalo/commands.live.test.ts'],
  [/ dlq-reinject/, 'needs dead letters in files: test/interop/zocalo/commands.live.test.ts'],
  [/ -s (?:Tap|Measure)/, 'needs a site of its own: test/interop/zocalo'],
  [/ -s CeleryTask/, 'needs the queue that a site declares: test/services/celery-task.test.ts'],
  [/ recipe resume/, 'needs a recorded run: test/recipes/recorded-runs.live.test.ts'],
]

/** What those that run until they are stopped print when they work. */
export const LASTING: readonly (readonly [RegExp, RegExp])[] = [
  [/ worker /, /worker ready/],
  [/ monitor(?: |$)/, /is recorded in/],
  [/ service -s /, / is running on /],
  [/ events --enable/, /^task +\/s \d+s /im],
  [/ events --dump/, /"type"/],
]
