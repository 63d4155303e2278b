import { ToolboxError } from './toolbox-error.ts'

export type StreamErrorCode =
  | 'STREAM_MESSAGE_FAILED' // the operator threw on a message
  | 'STREAM_MESSAGE_UNREADABLE' // a codec cannot read what came over the wire
  | 'STREAM_PUBLISH_FAILED' // a publisher refused a result
  | 'STREAM_LISTENER_FAILED' // a listener ended with an error
  | 'STREAM_LINK_FAILED' // an address, file or server cannot be opened
  | 'STREAM_STATE_FAILED' // kept state cannot be read or written
  | 'STREAM_DRIVER_MISSING' // the package of a link is not installed

/** A block could not do its work: which block, with which part, on which message. */
export class StreamError extends ToolboxError {
  declare readonly code: StreamErrorCode
  /** What came over the wire, of a message that could not be read. */
  readonly bytes: Uint8Array | undefined

  constructor(
    code: StreamErrorCode,
    message: string,
    options?: ErrorOptions & { readonly bytes?: Uint8Array | undefined },
  ) {
    super(code, message, options)
    this.bytes = options?.bytes
  }
}

/** A block, a part of it, or a file of blocks is set up wrongly. */
export class ConfigurationError extends ToolboxError {
  /** Which option of the block or the part is wrong (`graceMs`, `queue.limit`, `brokers`), where it is one. */
  readonly option: string | undefined

  constructor(message: string, options?: ErrorOptions & { readonly option?: string | undefined }) {
    super('STREAM_INVALID', message, options)
    this.option = options?.option
  }
}
