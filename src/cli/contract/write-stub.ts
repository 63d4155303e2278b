import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { CeleryApp } from '../../create-app.ts'
import { compileTypes, sourceOf } from './stub/compiled-types.ts'
import { moduleText, type StubbedTask, stubText } from './stub/python-stub.ts'
import { PythonTypes } from './stub/python-types.ts'

/** `const add = app.task('export.add'`, exported or not. */
const DECLARED =
  /\bconst\s+([\w$]+)(?:\s*:[^=]+)?\s*=\s*[\w$.]+\s*\.task(?:<[^(]*>)?\(\s*(['"`])([^'"`$]+)\2/g

export interface PythonStub {
  /** The .pyi file. */
  readonly stub: string
  /** The .py file beside it. */
  readonly module: string
  readonly count: number
  /** Tasks whose types are not known. */
  readonly untyped: readonly string[]
}

/** The tasks of an app as a Python module, with their types from the compiler of its project. */
export async function pythonStub(app: CeleryApp, file: string): Promise<PythonStub> {
  const { types, root } = await compileTypes(file)
  const declared = new Map<string, StubbedTask['declared']>()
  for (const [declaredFile, { values }] of types.files) {
    const source = sourceOf(declaredFile, root)
    if (source === undefined) continue
    for (const [, variable = '', , name = ''] of readFileSync(source, 'utf8').matchAll(DECLARED)) {
      const type = values.get(variable)
      if (type !== undefined) declared.set(name, { file: declaredFile, type })
    }
  }
  const tasks = app.tasks.names.map((name): StubbedTask => {
    const { params, schema } = app.tasks.get(name)?.options ?? {}
    return {
      name,
      params: params ?? null,
      hasSchema: schema !== undefined,
      declared: declared.get(name) ?? null,
    }
  })
  const head = `# Written by "celery-toolbox contract stub" from ${basename(file)}; "contract check" fails where it is out of date.\n`
  return {
    stub: head + stubText(tasks, new PythonTypes(types)),
    module: head + moduleText(tasks),
    count: tasks.length,
    untyped: tasks.filter((task) => task.declared === null).map(({ name }) => name),
  }
}

/** The lines of a stub that differ, each with the task whose class they are in. */
export function stubDrift(before: string, now: string): readonly string[] {
  const [old, current] = [classesIn(before), classesIn(now)]
  return [...new Set([...old.keys(), ...current.keys()])].sort().flatMap((name) => {
    if (old.get(name) === current.get(name)) return []
    if (!old.has(name)) return [`${name} is new`]
    return [current.has(name) ? `${name} has changed` : `${name} is gone`]
  })
}

/** By the name of their task, or of the class itself. */
function classesIn(stub: string): ReadonlyMap<string, string> {
  const parts = stub.split(/^(?=class |\w+ = TypedDict)/m).slice(1)
  return new Map(
    parts.map((part) => [
      /name: Literal\["([^"]+)"\]/.exec(part)?.[1] ?? /^(?:class )?(\w+)/.exec(part)?.[1] ?? part,
      part.replace(/\n\n[\s\S]*$/, ''),
    ]),
  )
}
