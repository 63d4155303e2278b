/** Where bodies are kept that are too large for a broker; the message itself brings a ticket. */
export interface Claims extends AsyncDisposable {
  /** Whether bodies are encrypted before they are put here, so that only their messages open them. Default false. */
  readonly isSealed?: boolean
  /** Keeps the bytes until then, and names them. */
  put(body: Buffer, until: Date): Promise<string>
  /** Undefined where there is nothing of that name any more. */
  get(claim: string): Promise<Buffer | undefined>
  close(): Promise<void>
}
