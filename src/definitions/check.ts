import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import { DefinitionError } from '../errors.ts'
import { type ParsedDefinition, type ParseLimits, type Path, parseDefinition } from './parse.ts'

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** A definition that fits its schema. */
export interface Definition<Value> extends ParsedDefinition {
  readonly value: Value
}

/**
 * Reads YAML or JSON text and checks it against a JSON Schema; all mistakes are reported at once, each with its file,
 * line and column. `Value` is the caller's word for the type that its schema describes.
 */
export function readDefinition<Value>(
  text: string,
  { file, schema, ...limits }: ParseLimits & { readonly file: string; readonly schema: JsonSchema },
): Definition<Value> {
  const parsed = parseDefinition(text, file, limits)
  const problems = schemaProblems(parsed.value, schema).map(({ path, message }) =>
    parsed.problem(path, message),
  )
  if (problems.length > 0) throw new DefinitionError(problems)
  return parsed as Definition<Value> // the schema has just been checked
}

interface SchemaProblem {
  readonly path: Path
  readonly message: string
}

/** A schema is compiled once. */
const compiled = new WeakMap<JsonSchema, ValidateFunction>()

/** Every way in which the value does not fit the schema. */
export function schemaProblems(value: unknown, schema: JsonSchema): SchemaProblem[] {
  const validate = compiled.get(schema) ?? compile(schema)
  if (validate(value)) return []
  return distinct((validate.errors ?? []).filter(isTelling).map(problemOf))
}

function compile(schema: JsonSchema): ValidateFunction {
  const ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    discriminator: true,
    strict: true,
    strictRequired: false,
    strictTypes: false,
    allowUnionTypes: true,
  })
  const validate = ajv.compile(schema)
  compiled.set(schema, validate)
  return validate
}

/** An `if` says nothing beyond its branches; of alternatives the whole says more than each that does not fit. */
function isTelling({ keyword, schemaPath }: ErrorObject): boolean {
  return keyword !== 'if' && !/\/(?:oneOf|anyOf)\/\d/.test(schemaPath)
}

function problemOf(error: ErrorObject): SchemaProblem {
  const path = pathOf(error.instancePath)
  const { params } = error
  switch (error.keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const key = String(params.additionalProperty ?? params.unevaluatedProperty)
      return { path: [...path, key], message: unknownKey(key, error.parentSchema) }
    }
    case 'required':
      return { path, message: `"${params.missingProperty}" is missing${inside(path)}` }
    case 'enum':
      return { path, message: mismatch(error, `one of ${list(params.allowedValues)}`) }
    case 'const':
      return { path, message: mismatch(error, JSON.stringify(params.allowedValue)) }
    case 'type':
      return { path, message: mismatch(error, [params.type].flat().join(' or ')) }
    case 'oneOf':
    case 'anyOf':
      return { path, message: mismatch(error, describedBy(error.parentSchema)) }
    default:
      return {
        path,
        message: mismatch(error, `a value that ${error.message ?? 'fits the schema'}`),
      }
  }
}

function mismatch({ instancePath, data }: ErrorObject, expected: string): string {
  const path = pathOf(instancePath)
  const name = path.length === 0 ? 'the definition' : `"${path.join('.')}"`
  return `${name} is ${shown(data)}, expected ${expected}`
}

/** Alternatives are best described by the schema's own description. */
function describedBy(schema: unknown): string {
  const { description } = (schema ?? {}) as { description?: unknown }
  return typeof description === 'string' ? description : 'a value that fits one of the alternatives'
}

function unknownKey(key: string, parentSchema: unknown): string {
  const known = Object.keys(
    (parentSchema as { properties?: Record<string, unknown> } | undefined)?.properties ?? {},
  )
  const near = known.find((name) => isNear(name, key))
  if (near !== undefined) return `unknown key "${key}"; did you mean "${near}"?`
  return `unknown key "${key}"${known.length === 0 ? '' : `, expected one of ${list(known)}`}`
}

/** The same letters but for one that is missing, added, changed or exchanged, or for case and dashes. */
function isNear(name: string, key: string): boolean {
  const [one, other] = [name, key].map((text) => text.toLowerCase().replace(/[-_]/g, ''))
  if (one === undefined || other === undefined || Math.abs(one.length - other.length) > 1)
    return false
  if (one === other) return true
  let start = 0
  while (start < one.length && one[start] === other[start]) start += 1
  let end = 0
  while (
    end < Math.min(one.length, other.length) - start &&
    one.at(-1 - end) === other.at(-1 - end)
  )
    end += 1
  const [changed, replaced] = [
    one.slice(start, one.length - end),
    other.slice(start, other.length - end),
  ]
  const isExchange = changed.length === 2 && replaced === [...changed].reverse().join('')
  return (changed.length <= 1 && replaced.length <= 1) || isExchange
}

function inside(path: Path): string {
  return path.length === 0 ? '' : ` in "${path.join('.')}"`
}

function list(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(', ')
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}

function pathOf(pointer: string): Path {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function distinct(problems: readonly SchemaProblem[]): SchemaProblem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()]
}
