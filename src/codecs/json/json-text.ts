interface PlainRules {
  readonly isPlainNumber: (value: number) => boolean
  readonly isPlainDict: (value: object) => boolean
}

interface TextRules {
  readonly ofString: (value: string) => string
  readonly ofNumber: (value: number) => string
  readonly ofObject: (value: object) => string
}

/** A check whether `JSON.stringify` writes a value, with all that is in it, as it is meant: these rules say of which numbers and dicts. */
export function plainJson({ isPlainNumber, isPlainDict }: PlainRules): (value: unknown) => boolean {
  const isPlain = (value: unknown): boolean => {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return true
      case 'number':
        return isPlainNumber(value)
      case 'object':
        if (value === null) return true
        if (Array.isArray(value)) return value.every(isPlain)
        return isPlainDict(value) && isEachPlain(value as Record<string, unknown>)
      default:
        return false
    }
  }
  // Its own keys come first, and a plain object inherits none; no list of values is made for each.
  const isEachPlain = (dict: Readonly<Record<string, unknown>>): boolean => {
    for (const key in dict) if (!isPlain(dict[key])) return false
    return true
  }
  return isPlain
}

/** The text of any value by these rules; null for what JSON has no form for. */
export function jsonText(value: unknown, { ofString, ofNumber, ofObject }: TextRules): string {
  switch (typeof value) {
    case 'string':
      return ofString(value)
    case 'number':
      return ofNumber(value)
    case 'boolean':
    case 'bigint':
      return String(value)
    case 'object':
      return value === null ? 'null' : ofObject(value)
    default:
      return 'null'
  }
}
