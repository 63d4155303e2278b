import { runPython } from './python-celery.ts'

/** Has Python make its result tables in this database, as its workers do when they start. */
export async function makePythonsTables(url: string, python: 'new' | 'old'): Promise<void> {
  const backend = url.replace(/^postgres(ql)?:/, 'db+postgresql+psycopg2:')
  await runPython(
    `
import sys
from celery import Celery
Celery('tables', backend=sys.argv[1]).backend.ResultSession().close()`,
    { python, args: [backend] },
  )
}
