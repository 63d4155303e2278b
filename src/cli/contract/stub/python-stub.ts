import type { TypeNode } from './parse-type.ts'
import { capital, isIdentifier, type PythonTypes, withoutUndefined } from './python-types.ts'

/** A task of the app, and what the compiler says of it. */
export interface StubbedTask {
  readonly name: string
  /** Names that arguments may be given by, and whether the last one takes all keywords into it. */
  readonly params: readonly string[] | null
  readonly hasSchema: boolean
  /** The file of its declaration, and `Task<Args, Value, …>`; null where it is not exported. */
  readonly declared: { readonly file: string; readonly type: TypeNode } | null
}

const HEAD = `import datetime
import decimal
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar, overload

from typing_extensions import NotRequired, TypedDict, Unpack

_Value = TypeVar("_Value", covariant=True)

class Result(Generic[_Value]):
    """Celery's AsyncResult, with the type of its value."""
    id: str
    @property
    def status(self) -> str: ...
    def get(self, timeout: float | None = ..., propagate: bool = ..., **options: Any) -> _Value: ...
    def ready(self) -> bool: ...
    def successful(self) -> bool: ...
    def failed(self) -> bool: ...
    def forget(self) -> None: ...
    def revoke(self, terminate: bool = ..., signal: str | None = ...) -> None: ...
`

/** The stub module: a class for each task, and a variable by which it is called. */
export function stubText(tasks: readonly StubbedTask[], types: PythonTypes): string {
  const names = variableNames(tasks.map(({ name }) => name))
  const classNames = classesOf(names)
  const classes = tasks.map((task) => taskClass(task, classNames.get(task.name) ?? '', types))
  const variables = tasks.map(({ name }) => `${names.get(name)}: ${classNames.get(name)}\n`)
  return [HEAD, ...types.classes, ...classes, variables.join('')].join('\n')
}

/** The module itself: calls by name, on the current app. */
export function moduleText(tasks: readonly StubbedTask[]): string {
  const names = variableNames(tasks.map(({ name }) => name))
  const lines = tasks.map(({ name }) => `${names.get(name)} = _Task(${JSON.stringify(name)})\n`)
  return `from celery import current_app


class _Task:
    def __init__(self, name):
        self.name = name

    def delay(self, *args, **kwargs):
        return current_app.send_task(self.name, args, kwargs)

    def apply_async(self, args=None, kwargs=None, **options):
        return current_app.send_task(self.name, args, kwargs, **options)

    def s(self, *args, **kwargs):
        return current_app.signature(self.name, args, kwargs)

    def si(self, *args, **kwargs):
        return current_app.signature(self.name, args, kwargs, immutable=True)


${lines.join('')}`
}

interface Parts {
  /** What is between the parentheses of each way to call it. */
  readonly calls: readonly string[]
  readonly args: string
  readonly value: string
}

function taskClass(task: StubbedTask, className: string, types: PythonTypes): string {
  const { calls, args, value } = partsOf(task, types)
  const mayLack = args.startsWith('tuple[()]') || args.startsWith('Sequence')
  const result = `Result[${value}]`
  return `class ${className}:
    name: Literal[${JSON.stringify(task.name)}]
${method('delay', calls, result)}${method('si', calls, 'Any')}    def s(self, *args: Any, **kwargs: Any) -> Any: ...
    def apply_async(self, args: ${args}${mayLack ? ' = ...' : ''}, kwargs: Mapping[str, Any] | None = ..., **options: Any) -> ${result}: ...
`
}

function method(name: string, calls: readonly string[], result: string): string {
  const mark = calls.length > 1 ? '    @overload\n' : ''
  return calls
    .map(
      (call) => `${mark}    def ${name}(self${call === '' ? '' : `, ${call}`}) -> ${result}: ...\n`,
    )
    .join('')
}

const UNKNOWN: Parts = { calls: ['*args: Any, **kwargs: Any'], args: 'Sequence[Any]', value: 'Any' }

function partsOf({ name, params, hasSchema, declared }: StubbedTask, types: PythonTypes): Parts {
  if (declared === null || declared.type.kind !== 'name') return UNKNOWN
  const { file, type } = declared
  const [given, returned] = type.args
  if (given === undefined || returned === undefined) return UNKNOWN
  const value = types.write(returned, { file, name: `${capital(name)}Result`, direction: 'out' })
  const items = itemsOf(given)
  if (items === null) return { ...UNKNOWN, value }
  const written = items.map((item) => ({
    ...item,
    text: types.write(withoutUndefined(item), {
      file,
      name: `${capital(name)}${capital(item.name)}`,
      direction: 'in',
    }),
  }))
  const calls = [callOf(written, params)]
  const [only] = written
  const isDict =
    only !== undefined && types.classes.some((text) => text.startsWith(`class ${only.text}(`))
  if (hasSchema && isDict) calls.push(`**kwargs: Unpack[${only.text}]`)
  return { calls, args: tuplesOf(written, params !== null || hasSchema), value }
}

interface Item {
  readonly name: string
  readonly isOptional: boolean
  readonly isRest: boolean
  readonly type: TypeNode
}

type Written = Item & { readonly text: string }

function itemsOf(given: TypeNode): readonly Item[] | null {
  if (given.kind === 'tuple') return given.items
  if (given.kind === 'list')
    return [{ name: 'args', isOptional: false, isRest: true, type: given.of }]
  return null
}

/** By name where the task takes them so, else by position alone. */
function callOf(items: readonly Written[], params: readonly string[] | null): string {
  const parts = items.map(({ name, isOptional, isRest, text }, at) => {
    const wanted = params?.[at] ?? name
    const label = isIdentifier(wanted) ? wanted : `arg${at}`
    return isRest ? `*${label}: ${text}` : `${label}: ${text}${isOptional ? ' = ...' : ''}`
  })
  if (params !== null || parts.length === 0 || items.some(({ isRest }) => isRest))
    return parts.join(', ')
  return `${parts.join(', ')}, /`
}

/** Each number of arguments that is enough; where others come by name, every number. */
function tuplesOf(items: readonly Written[], takesNames: boolean): string {
  if (items.some(({ isRest }) => isRest)) {
    return items.length === 1 ? `Sequence[${items[0]?.text}]` : 'Sequence[Any]'
  }
  const needed = items.findLastIndex(({ isOptional }) => !isOptional) + 1
  const counts = items.map((_, at) => at + 1).filter((count) => takesNames || count >= needed)
  const tuples = counts.map(
    (count) =>
      `tuple[${items
        .slice(0, count)
        .map(({ text }) => text)
        .join(', ')}]`,
  )
  return [...(needed === 0 || takesNames ? ['tuple[()]'] : []), ...tuples].join(' | ')
}

/** export.add has the class _ExportAdd, and export_add one of another name. */
function classesOf(variables: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const taken = new Set<string>()
  return new Map([...variables.keys()].map((name) => [name, free(`_${capital(name)}`, taken)]))
}

/** export.add is export_add. */
function variableNames(names: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set<string>()
  return new Map(
    names.map((name) => {
      const base = name.replaceAll(/\W+/g, '_').replace(/^(?=\d)/, '_')
      return [name, free(isIdentifier(base) ? base : `${base}_`, taken)]
    }),
  )
}

/** The name, or the next that nothing has; it is taken then. */
function free(wanted: string, taken: Set<string>): string {
  let name = wanted
  while (taken.has(name)) name += '_'
  taken.add(name)
  return name
}
