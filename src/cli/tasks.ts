import type { Command } from 'commander'
export function addTasks(program: Command): void {
  program.command('tasks')
}
