/** How often the event loop turned in the meantime. */
export async function turnsWhile(work: Promise<unknown>): Promise<number> {
  let turns = 0
  const counting = setInterval(() => {
    turns += 1
  }, 1)
  await work.finally(() => clearInterval(counting))
  return turns
}
