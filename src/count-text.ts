/** A count with its noun, as people read it: "1 task", "1,000 tasks"; "1 message waits", "2 messages wait". */
export function countText(count: number, one: string, several = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : several}`
}

/** "1,000,000" */
export function grouped(count: number): string {
  return count.toLocaleString('en')
}
