import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Process, startProcess } from '../../support/processes.ts'
import { PROJECT } from '../../support/services.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Zocalo, zocalo, zocaloProgram } from '../../support/zocalo.ts'

const [, CHAPTER = ''] = readFileSync(join(PROJECT, 'docs/recipes-services.md'), 'utf8').split(
  /^## Getting started$|^### Without a server$/m,
)
const EXAMPLE: object = JSON.parse(block('json'))
const LINES = block('sh').trim().split('\n')

test.each([
  ['zocalo.', 'zocalo.'],
  ['celery-toolbox', 'celery-toolbox '],
])(
  'the getting-started works as it is written, with the names %s',
  async (_name, ours) => {
    const site = await zocalo({ example: EXAMPLE, job: jobRecipe(`${ours}wrap`) })
    for (const name of ['runner.submission', 'reports']) await site.queue(name)
    const env = { PATH: `${programs(site)}:${process.env.PATH}` }
    const run = (line: string): Process => {
      const [, command = ''] = /^npx (.*?)(?: &.*)?$/.exec(line) ?? []
      const text = `${LINES[0]}; exec ${command.replace('zocalo.', ours)}`
      return startProcess('sh', ['-c', text], { cwd: site.folder, env })
    }
    const services = LINES.filter((line) => / -s \w+ &/.test(line)).map(run)
    expect(services).toHaveLength(3)
    for (const service of services) await service.waitForLine(/is running on/)
    const [go = '', shutdown = ''] = LINES.slice(-2)
    expect(await run(go).exited).toMatchObject({ code: 0 })
    const done = join(site.folder, 'done.jsonl')
    await waitFor('the last step', () => existsSync(done) && statSync(done).size > 0)
    expect(readFileSync(done, 'utf8')).toBe('{"processed": true}\n')
    expect(readFileSync(join(site.folder, 'out.txt'), 'utf8')).toBe('data collection 1234\n')
    expect(await run(go.replace('-r example', '-r job')).exited).toMatchObject({ code: 0 })
    const [report] = await site.messages('reports', 1)
    expect(JSON.parse(report?.body.toString() ?? '{}').payload).toBe('Finished processing')
    expect(readFileSync(join(site.folder, 'job.txt'), 'utf8')).toContain('in the job of 1234')
    expect(await run(shutdown).exited).toMatchObject({ code: 0 })
    for (const service of services) expect(await service.exited).toEqual({ code: 0, signal: null })
  },
  120_000,
)

function block(language: string): string {
  const [, text = ''] =
    new RegExp(`^\`\`\`${language}\n([\\s\\S]+?)^\`\`\`$`, 'm').exec(CHAPTER) ?? []
  return text
}

/** A step that the Runner runs as a job of its own. */
function jobRecipe(wrap: string): object {
  return {
    start: [[1, []]],
    '1': {
      queue: 'runner.submission',
      parameters: {
        workingdir: '{workingdir}',
        recipewrapper: '{workingdir}/.recipewrap',
        commands: [`${wrap} --wrap command --recipewrapper $RECIPEWRAP`],
        output_file: 'job.txt',
      },
      job_parameters: { command: 'echo in the job of {ispyb_dcid}' },
      output: { success: 2 },
    },
    '2': { queue: 'reports' },
  }
}

/** The commands of the package in a folder, as npm installs them. */
function programs({ folder }: Zocalo): string {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  const names = ['go', 'service', 'shutdown', 'wrap']
  const files = names.map((name) => [`zocalo.${name}`, zocaloProgram(name)] as const)
  const all = [...files, ['celery-toolbox', join(PROJECT, 'dist/src/cli/main.js')] as const]
  for (const [name, file] of all) {
    const text = `#!/bin/sh\nexec '${process.execPath}' '${file}' "$@"\n`
    writeFileSync(join(bin, name), text, { mode: 0o755 })
  }
  return bin
}
