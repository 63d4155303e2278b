import { countText } from '../../../count-text.ts'
import type { PendingStep } from '../../../monitor/queries/family-steps.ts'
import type { FamilyTree, TreeNode } from '../../../monitor/queries/family-tree.ts'
import { cellText, statusColour } from '../../output/table.ts'
import { durationText } from './duration-text.ts'
import { barOf, type Frame, frameOf } from './timeline-bar.ts'

interface DrawOptions {
  readonly width: number
  readonly isColoured: boolean
}

/** One line of the drawing, before its columns are aligned. */
interface Line {
  readonly label: string
  readonly status: string
  readonly times: string
  readonly id: string
  readonly bar: string
  readonly isCritical: boolean
}

/** A family drawn with box characters: a line a task, with a bar of when it waited and ran where there is room. */
export function treeLines(tree: FamilyTree, { width, isColoured }: DrawOptions): string[] {
  const bare = tree.roots.flatMap((root) => nodeLines(root, '', '', () => ''))
  const widths = fitted(widthsOf(bare), width)
  const barWidth = Math.min(40, width - widths.label - widths.status - widths.times - 46)
  const frame = frameOf(tree, barWidth)
  const lines = tree.roots.flatMap((root) => nodeLines(root, '', '', barsIn(frame)))
  return [...lines.map((line) => drawn(line, widths, isColoured)), '', ...summary(tree)]
}

function barsIn(frame: Frame | undefined): (node: TreeNode) => string {
  return (node) => (frame === undefined ? '' : barOf(node.spans, frame))
}

type Bar = (node: TreeNode) => string

function nodeLines(node: TreeNode, prefix: string, indent: string, bar: Bar): Line[] {
  const { task, totals } = node
  const line: Line = {
    label: prefix + cellText(task.name ?? 'unknown'),
    status: task.status,
    times: timesText(totals),
    id: cellText(task.taskId),
    bar: bar(node),
    isCritical: node.isCritical,
  }
  const below = node.children.length + node.pending.length
  return [
    line,
    ...node.children.flatMap((child, index) => {
      const { prefix, inner } = branch(indent, index === below - 1)
      return nodeLines(child, prefix, inner, bar)
    }),
    ...stepLines(node.pending, indent, node.isBroken),
  ]
}

/** Steps that are not published are described in words, without times. */
function stepLines(steps: readonly PendingStep[], indent: string, isBroken: boolean): Line[] {
  return steps.flatMap((step, index) => {
    const { prefix, inner } = branch(indent, index === steps.length - 1)
    const line: Line = {
      label: `${prefix}${cellText(step.name)}${roleText(step)}`,
      status: isBroken && step.kind !== 'errback' ? 'never' : 'to come',
      times: '',
      id: cellText(step.id),
      bar: '',
      isCritical: false,
    }
    return [line, ...stepLines(step.steps, inner, isBroken)]
  })
}

function branch(indent: string, isLast: boolean): { prefix: string; inner: string } {
  return { prefix: indent + (isLast ? '└─ ' : '├─ '), inner: indent + (isLast ? '   ' : '│  ') }
}

function roleText({ kind, size }: PendingStep): string {
  if (kind === 'chord body')
    return size === null ? ' (once all are done)' : ` (once all ${size} are done)`
  return kind === 'callback' || kind === 'errback' ? ` (${kind})` : ''
}

function timesText({ waitingMs, runningMs, retryMs }: TreeNode['totals']): string {
  const parts = [
    { text: 'waited', ms: waitingMs },
    { text: 'ran', ms: runningMs },
    { text: 'between retries', ms: retryMs },
  ]
  return parts
    .filter(({ ms }) => ms > 0)
    .map(({ text, ms }) => `${text} ${durationText(ms)}`)
    .join(', ')
}

type Widths = Readonly<Record<'label' | 'status' | 'times', number>>

function widthsOf(lines: readonly Line[]): Widths {
  const widest = (field: keyof Widths): number =>
    lines.reduce((width, line) => Math.max(width, [...line[field]].length), 0)
  return { label: widest('label'), status: widest('status'), times: widest('times') }
}

/** Beside them in a line: an id, the mark, and the gaps. */
const BESIDE = 36 + 2 + 6
const NARROWEST_LABEL = 24

/** Names are cut before the status is pushed off the screen. */
function fitted(widths: Widths, width: number): Widths {
  const room = width - widths.status - widths.times - BESIDE
  return { ...widths, label: Math.min(widths.label, Math.max(NARROWEST_LABEL, room)) }
}

function cut(label: string, width: number): string {
  const letters = [...label]
  return letters.length <= width ? label : `${letters.slice(0, width - 1).join('')}…`
}

function drawn(line: Line, widths: Widths, isColoured: boolean): string {
  const status = line.status.padEnd(widths.status)
  const mark = line.isCritical ? '●' : ' '
  return [
    `${mark} ${cut(line.label, widths.label).padEnd(widths.label)}`,
    coloured(status, isColoured ? colourOf(line.status) : undefined),
    ...(line.bar === '' ? [] : [line.bar]),
    line.times.padEnd(widths.times),
    line.id,
  ]
    .join('  ')
    .trimEnd()
}

/** What is to come is dim. */
function colourOf(status: string): string | undefined {
  return status === 'to come' || status === 'never' ? '2' : statusColour(status)
}

function coloured(text: string, colour: string | undefined): string {
  return colour === undefined ? text : `\u001B[${colour}m${text}\u001B[0m`
}

function summary(tree: FamilyTree): string[] {
  const { tasks, pendingSteps, spanMs, overallStatus } = tree
  const steps = pendingSteps === 0 ? '' : `, ${pendingSteps} to come`
  return [
    `${overallStatus}: ${countText(tasks, 'task')}${steps}; ${durationText(spanMs)} in all; ${timesText(tree.totals)}`,
    `● critical path: ${tree.criticalPath.length} of ${tasks}; █ ran, ░ waited, ▒ between retries`,
  ]
}
