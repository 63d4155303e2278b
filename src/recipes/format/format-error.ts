/** The exception of Python that a format string or its values lead to. */
type PythonErrorClass =
  | 'AttributeError'
  | 'IndexError'
  | 'KeyError'
  | 'OverflowError'
  | 'TypeError'
  | 'ValueError'

/** A format string cannot be filled in. The one who knows the recipe turns it into a `RecipeError`. */
export class FormatError extends Error {
  readonly pythonClass: PythonErrorClass
  /** Offset into the format string; undefined where a value is at fault. */
  readonly position: number | undefined

  constructor(pythonClass: PythonErrorClass, message: string, position?: number) {
    super(message)
    this.name = 'FormatError'
    this.pythonClass = pythonClass
    this.position = position
  }
}
