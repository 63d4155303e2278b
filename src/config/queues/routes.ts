import { isRecord } from '../../protocol/field-readers.ts'
import type { Router } from '../../protocol/routing/routers.ts'
import { asList, unfit, type ValueType } from '../resolve/value-types.ts'

/** Celery's task_routes in all its forms but the dotted path of a Python function. */
export const router: ValueType<Router> = {
  name: 'a function, a dict (or Map) of routes by name, or a list of these',
  environmentText: 'literal',
  // isRouter has looked at all of it, which is more than a type guard over unions could say.
  read: (value) => (isRouter(value) ? (value as Router) : unfit),
}

function isRouter(value: unknown): boolean {
  if (typeof value === 'function') return true
  if (value instanceof Map) return [...value].every(isPair)
  if (isRecord(value)) return Object.values(value).every(isRoute)
  return asList(value)?.every((item) => isPair(item) || isRouter(item)) === true
}

function isPair(item: unknown): boolean {
  if (!Array.isArray(item) || item.length !== 2) return false
  const [name, route] = item
  return (typeof name === 'string' || name instanceof RegExp) && isRoute(route)
}

function isRoute(value: unknown): boolean {
  return value === null || typeof value === 'string' || isRecord(value)
}
