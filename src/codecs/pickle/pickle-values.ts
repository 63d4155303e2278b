/** A dict being unpickled; whether it becomes an object or a Map is known at the end. */
export class PickledDict {
  /** Keys and values in turn. */
  readonly pairs: unknown[] = []
}

export class PickledTuple {
  readonly items: readonly unknown[]

  constructor(items: readonly unknown[]) {
    this.items = items
  }
}

/** A set or frozenset being unpickled. */
export class PickledSet {
  readonly items: unknown[] = []
}

/** A reference to something in a Python module: a class or a function. It is a name, nothing is imported. */
export class PickledGlobal {
  readonly module: string
  readonly name: string

  constructor(module: string, name: string) {
    this.module = MODULES[module] ?? module
    this.name = this.module === module ? name : (NAMES[name] ?? name)
  }
}

/** What calling a global would have built: recorded, never called. */
export class PickledObject {
  readonly global: PickledGlobal
  readonly args: readonly unknown[]
  state: unknown = null
  /** What was appended to it, or set on it as to a dict. */
  readonly items: unknown[] = []
  readonly pairs: unknown[] = []

  constructor(global: PickledGlobal, args: readonly unknown[]) {
    this.global = global
    this.args = args
  }
}

/** Protocols 0 to 2 name modules as Python 2 did. */
const MODULES: Readonly<Record<string, string>> = Object.assign(Object.create(null), {
  __builtin__: 'builtins',
  exceptions: 'builtins',
  copy_reg: 'copyreg',
})

/** And these built-in classes. */
const NAMES: Readonly<Record<string, string>> = Object.assign(Object.create(null), {
  long: 'int',
  unicode: 'str',
  xrange: 'range',
})

/** What `callee(*args)` stands for; undefined where the callee is no name. */
export function recordCall(callee: unknown, args: readonly unknown[]): PickledObject | undefined {
  if (callee instanceof PickledObject) return recordCallOfAttribute(callee, args)
  if (!(callee instanceof PickledGlobal)) return undefined
  if (callee.module !== 'copyreg' || !(args[0] instanceof PickledGlobal)) {
    return new PickledObject(callee, args)
  }
  // Older protocols build instances through these two functions.
  if (callee.name === '__newobj__') return new PickledObject(args[0], args.slice(1))
  if (callee.name === '_reconstructor')
    return new PickledObject(args[0], args[2] == null ? [] : args.slice(2))
  return new PickledObject(callee, args)
}

// Protocols before 4 name `ZoneInfo._unpickle` as getattr(ZoneInfo, '_unpickle').
function recordCallOfAttribute(
  callee: PickledObject,
  args: readonly unknown[],
): PickledObject | undefined {
  const [owner, attribute] = callee.args
  const isGetattr = callee.global.module === 'builtins' && callee.global.name === 'getattr'
  if (!(isGetattr && owner instanceof PickledGlobal && typeof attribute === 'string'))
    return undefined
  return new PickledObject(new PickledGlobal(owner.module, `${owner.name}.${attribute}`), args)
}
