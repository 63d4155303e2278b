import type { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import { compile } from '../../flows/compilation/compile.ts'
import { readFlowFile } from '../../flows/files/flow-file.ts'
import { FLOW_SCHEMA } from '../../flows/files/flow-schema.ts'
import { Digraph } from '../../graph/digraph.ts'
import { drawMermaid } from '../../graph/draw-mermaid.ts'
import { drawSvg } from '../../graph/draw-svg.ts'
import { drawText } from '../../graph/draw-text.ts'
import { textOfError } from '../../text-of-error.ts'
import type { GlobalOptions } from '../app/open-app.ts'
import { MERMAID, SVG } from '../options/common-options.ts'
import { print, printError, printJson } from '../output/output.ts'
import { functionsOf } from './step-functions.ts'

interface DrawOptions {
  readonly svg?: boolean
  readonly mermaid?: boolean
}

export function addFlowFiles(flow: Command): void {
  flow
    .command('check')
    .description('check flow files; with -A also that every task they run is registered')
    .argument('<file...>', 'flow files in YAML or JSON')
    .action(async (files: string[], _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>()
      const functions = options.app === undefined ? undefined : await functionsOf(options)
      let wrong = 0
      for (const file of files) {
        try {
          await readFlowFile(file, functions === undefined ? {} : { functions })
        } catch (error) {
          wrong += 1
          printError(textOfError(error))
        }
      }
      if (wrong > 0) throw new UsageError(`${wrong} of ${files.length} flow files have mistakes`)
    })
  flow
    .command('draw')
    .description('draw a flow file: which step comes after which')
    .argument('<file>', 'a flow file in YAML or JSON')
    .option(...SVG)
    .option(...MERMAID)
    .action(async (file: string, options: DrawOptions) => {
      print(await drawing(file, options))
    })
  flow
    .command('schema')
    .description('print the JSON Schema of flow files, for editors')
    .action(() => {
      printJson(FLOW_SCHEMA)
    })
}

async function drawing(file: string, { svg, mermaid }: DrawOptions): Promise<string> {
  const { flow } = await readFlowFile(file)
  const graph = atomGraph(flow)
  const label = (name: string) => name
  if (svg === true) return drawSvg(graph, { label, title: flow.name })
  return mermaid === true ? drawMermaid(graph, { label }) : drawText(graph, { label })
}

/** Atoms alone: an edge leads through the borders of flows. */
function atomGraph(flow: Parameters<typeof compile>[0]): Digraph<string> {
  const graph = new Digraph<string>()
  for (const node of compile(flow).atoms) {
    const name = node.atom?.name ?? ''
    graph.addNode(name)
    const queue = new Set(node.after)
    for (const next of queue) {
      if (next.atom !== undefined) graph.addEdge(name, next.atom.name)
      else for (const after of next.after) queue.add(after)
    }
  }
  return graph
}
