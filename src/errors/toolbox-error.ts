/** Every error the toolbox throws. Each carries a stable `code`; docs/errors.md has a section for each. */
export class ToolboxError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.name = new.target.name
  }
}
