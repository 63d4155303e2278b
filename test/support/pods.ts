import type { Ledger } from './ledger.ts'
import type { Servers } from './live-app.ts'
import { type Process, startCli } from './processes.ts'
import { type PythonOptions, startPythonWorker } from './python-celery.ts'

/** A worker of Python's tasks that write into the ledger, with two processes beside its own. */
export async function startPythonPod(
  { env }: Servers,
  { file }: Ledger,
  {
    name,
    args = [],
    python = 'new',
  }: { readonly name: string; readonly args?: readonly string[] } & Pick<PythonOptions, 'python'>,
): Promise<Process> {
  return await startPythonWorker({
    python,
    app: 'ledger_app',
    pool: 'prefork',
    concurrency: 2,
    args: ['-n', name, '--prefetch-multiplier', '1', ...args],
    env: { ...env, QUEUES: 'python', LEDGER: file },
  })
}

/** A worker of ours whose tasks write into the ledger. */
export async function startNodePod(
  { env }: Servers,
  { file }: Ledger,
  { name, args = ['-E'] }: { readonly name: string; readonly args?: readonly string[] },
): Promise<Process> {
  const given = ['-A', 'test/faults/ledger-app.ts', '-Q', 'export', '-c', '4', '-n', name, ...args]
  const worker = startCli(['worker', ...given], { env: { ...env, LEDGER: file, WORKER: name } })
  await worker.waitForLine(/worker ready/)
  return worker
}
