import { TaskFailedError } from '../../../src/index.ts'

/** An error that Python rebuilds as an instance of that class. */
export function pythonError(
  excType: string,
  excArgs: readonly unknown[],
  excModule = 't.integration.tasks',
): TaskFailedError {
  const nowhere = { taskId: '', state: 'FAILURE', traceback: null }
  return new TaskFailedError({ ...nowhere, excType, excModule, excArgs })
}

export function builtinError(excType: string, ...excArgs: readonly unknown[]): TaskFailedError {
  return pythonError(excType, excArgs, 'builtins')
}
