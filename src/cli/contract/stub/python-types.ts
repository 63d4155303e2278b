import type { CompiledTypes } from './compiled-types.ts'
import type { Field, Parameter, TypeNode } from './parse-type.ts'

/** Python takes a call's arguments loosely; a result it gets as JSON has it. */
type Direction = 'in' | 'out'

/** Where a type was written, and what a type of its own would be called there. */
interface Place {
  readonly file: string
  readonly name: string
  readonly direction: Direction
}

const PLAIN: Readonly<Record<string, string>> = {
  number: 'float',
  Float: 'float',
  bigint: 'int',
  string: 'str',
  boolean: 'bool',
  null: 'None',
  undefined: 'None',
  void: 'None',
  Date: 'datetime.datetime',
  DateTime: 'datetime.datetime',
  LocalDate: 'datetime.date',
  LocalTime: 'datetime.time',
  Decimal: 'decimal.Decimal',
  Uuid: 'uuid.UUID',
  Uint8Array: 'bytes',
  Buffer: 'bytes',
}
const LISTS = ['Array', 'ReadonlyArray', 'Set', 'ReadonlySet', 'Iterable']
const DICTS = ['Record', 'Map', 'ReadonlyMap']
const SOME_OF = ['Pick', 'Omit']
const THROUGH = ['Readonly', 'Promise', 'Required', 'Awaited', 'NoInfer']
const KEYWORDS = new Set(
  'False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield'.split(
    ' ',
  ),
)

/** What the stub has for itself; a type of the app is not called so. */
const IMPORTED = new Set(
  'Any Generic Literal Mapping NotRequired Result Sequence TypeVar TypedDict Unpack'.split(' '),
)

/** Writes types of TypeScript in Python's words, and remembers the TypedDicts they need. */
export class PythonTypes {
  readonly #types: CompiledTypes
  readonly #classes = new Map<string, string>()
  /** By what they say, so that one shape has one class. */
  readonly #names = new Map<string, string>()
  /** Aliases that are being written. */
  readonly #open = new Set<TypeNode>()

  constructor(types: CompiledTypes) {
    this.#types = types
  }

  /** The classes, in the order in which they were met. */
  get classes(): readonly string[] {
    return [...this.#classes.values()]
  }

  write(type: TypeNode, place: Place): string {
    if (type.kind === 'literal') return literal(type.value)
    if (type.kind === 'union') return this.#union(type.of, place)
    if (type.kind === 'list') return listOf(this.write(type.of, place), place)
    if (type.kind === 'tuple') return this.#tuple(type.items, place)
    if (type.kind === 'name') return this.#named(type, place)
    if (type.kind === 'object' || type.kind === 'both') return this.#object(type, place)
    return 'Any'
  }

  /** The fields of an object, interfaces and intersections followed; undefined where it is none. */
  fieldsOf(type: TypeNode, file: string): readonly Field[] | undefined {
    if (type.kind === 'object') return type.fields
    if (type.kind === 'both') {
      const parts = type.of.map((part) => this.fieldsOf(part, file))
      return parts.every((part) => part !== undefined) ? parts.flat() : undefined
    }
    return type.kind === 'name' ? this.#fieldsOfName(type, file) : undefined
  }

  #fieldsOfName(
    type: Extract<TypeNode, { readonly kind: 'name' }>,
    file: string,
  ): readonly Field[] | undefined {
    const [inner] = type.args
    if (THROUGH.includes(type.name) && inner !== undefined) return this.fieldsOf(inner, file)
    if (type.name === 'Partial' && inner !== undefined) {
      return this.fieldsOf(inner, file)?.map((field) => ({ ...field, isOptional: true }))
    }
    const found = this.#types.typeNamed(type.name, file)
    if (found !== undefined) return this.fieldsOf(...found)
    const keys = SOME_OF.includes(type.name) ? this.#keysOf(type.args[1], file) : undefined
    if (inner === undefined || keys === undefined) return undefined
    const isWanted = type.name === 'Pick'
    return this.fieldsOf(inner, file)?.filter(({ name }) => keys.includes(name) === isWanted)
  }

  /** The names in `'a' | 'b'`; undefined where other types are among them. */
  #keysOf(type: TypeNode | undefined, file: string): readonly unknown[] | undefined {
    if (type?.kind === 'literal') return [type.value]
    if (type?.kind === 'union') {
      const parts = type.of.map((part) => this.#keysOf(part, file))
      return parts.every((part) => part !== undefined) ? parts.flat() : undefined
    }
    const found = type?.kind === 'name' ? this.#types.typeNamed(type.name, file) : undefined
    return found && this.#keysOf(...found)
  }

  #named({ name, args }: Extract<TypeNode, { kind: 'name' }>, place: Place): string {
    const [first, second] = args
    const found = this.#types.typeNamed(name, place.file)
    if (found !== undefined) {
      return this.#declared(found[0], { ...place, name: className(name), file: found[1] })
    }
    const plain = Object.hasOwn(PLAIN, name) ? PLAIN[name] : undefined
    if (plain !== undefined) return plain
    if (LISTS.includes(name) && first) return listOf(this.write(first, place), place)
    if (DICTS.includes(name) && second) return dictOf(this.write(second, place), place)
    if (THROUGH.includes(name) && first) return this.write(first, place)
    if ([...SOME_OF, 'Partial'].includes(name) && first)
      return this.#object({ kind: 'name', name, args }, place)
    return 'Any'
  }

  /** An alias that is inside itself, as that of JSON values: there it is Any. */
  #declared(type: TypeNode, place: Place): string {
    if (type.kind === 'object' || type.kind === 'both') return this.#object(type, place)
    if (this.#open.has(type)) return 'Any'
    this.#open.add(type)
    const written = this.write(type, place)
    this.#open.delete(type)
    return written
  }

  #union(of: readonly TypeNode[], place: Place): string {
    const literals = of.flatMap((part) => (part.kind === 'literal' ? [part.value] : []))
    // Partial lists of literals are written together: Literal['a', 'b'].
    const texts = literals.filter((value) => !isFraction(value)).map(inLiteral)
    const isBoth = literals.includes(true) && literals.includes(false)
    const listed = isBoth ? texts.filter((each) => each !== 'True' && each !== 'False') : texts
    const others = of
      .filter((part) => part.kind !== 'literal' || isFraction(part.value))
      .map((part) => this.write(part, place))
    const all = [
      ...(listed.length > 0 ? [`Literal[${listed.join(', ')}]`] : []),
      ...(isBoth ? ['bool'] : []),
      ...others,
    ]
    if (all.includes('Any') || all.length === 0) return 'Any'
    const unique = [...new Set(all)]
    return [
      ...unique.filter((each) => each !== 'None'),
      ...unique.filter((each) => each === 'None'),
    ].join(' | ')
  }

  /** In a message it is a list. */
  #tuple(items: readonly Parameter[], place: Place): string {
    const written = items.map((item) => this.write(withoutUndefined(item), place))
    const isFixed = items.every(({ isOptional, isRest }) => !isOptional && !isRest)
    if (place.direction === 'in' && isFixed)
      return written.length === 0 ? 'tuple[()]' : `tuple[${written.join(', ')}]`
    return listOf(written.length === 0 ? 'Any' : [...new Set(written)].join(' | '), place)
  }

  #object(type: TypeNode, place: Place): string {
    const index = type.kind === 'object' && type.fields.length === 0 ? type.index : null
    if (index !== null) return dictOf(this.write(index, place), place)
    const fields = this.fieldsOf(type, place.file)
    if (fields === undefined) return dictOf('Any', place)
    if (fields.length === 0) return dictOf('Any', place)
    const key = `${place.direction} ${place.file} ${place.name} ${JSON.stringify(type)}`
    const known = this.#names.get(key)
    if (known !== undefined) return known
    const name = this.#freeName(place.name)
    this.#names.set(key, name)
    this.#classes.set(name, '')
    this.#classes.set(name, this.#typedDict(name, fields, { ...place, name }))
    return name
  }

  #typedDict(name: string, fields: readonly Field[], place: Place): string {
    const written = fields.map((field) => {
      const type = this.write(withoutUndefined(field), {
        ...place,
        name: `${name}${capital(field.name)}`,
      })
      return [field.name, field.isOptional ? `NotRequired[${type}]` : type] as const
    })
    if (written.every(([each]) => isIdentifier(each))) {
      return `class ${name}(TypedDict):\n${written.map(([each, type]) => `    ${each}: ${type}\n`).join('')}`
    }
    const pairs = written.map(([each, type]) => `${JSON.stringify(each)}: ${type}`)
    return `${name} = TypedDict(${JSON.stringify(name)}, {${pairs.join(', ')}})\n`
  }

  #freeName(wanted: string): string {
    for (let n = 1; ; n += 1) {
      const name = n === 1 ? wanted : `${wanted}${n}`
      if (!this.#classes.has(name) && !IMPORTED.has(name)) return name
    }
  }
}

/** What may be left out is left out, not sent as None. */
export function withoutUndefined({ type, isOptional }: Omit<Field, 'name'>): TypeNode {
  if (!isOptional || type.kind !== 'union') return type
  const of = type.of.filter((part) => !(part.kind === 'name' && part.name === 'undefined'))
  return of.length === 1 && of[0] !== undefined ? of[0] : { kind: 'union', of }
}

export function isIdentifier(name: string): boolean {
  return /^[A-Za-z_]\w*$/.test(name) && !KEYWORDS.has(name)
}

export function capital(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}

function className(name: string): string {
  return capital(name) || 'Type'
}

function listOf(item: string, { direction }: Place): string {
  return direction === 'in' ? `Sequence[${item}]` : `list[${item}]`
}

function dictOf(value: string, { direction }: Place): string {
  return direction === 'in' ? `Mapping[str, ${value}]` : `dict[str, ${value}]`
}

function literal(value: string | number | boolean): string {
  return isFraction(value) ? 'float' : `Literal[${inLiteral(value)}]`
}

function isFraction(value: unknown): boolean {
  return typeof value === 'number' && !Number.isInteger(value)
}

function inLiteral(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return typeof value === 'number' ? String(value) : JSON.stringify(value)
}
