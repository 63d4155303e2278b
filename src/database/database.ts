/** One PostgreSQL, given by url or embedded; opened in one place for results, monitor and schedule alike. */
export interface Database extends AsyncDisposable {
  /** With the password: for drivers only, never for logs. */
  readonly url: string
  /** Fit for logs. */
  readonly safeUrl: string
  /** Runs one statement on any free connection. Rows come as pg gives them. */
  query<Row extends object>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>
  /** Runs `work` on one connection between BEGIN and COMMIT; rolls back when it throws. */
  transaction<Result>(work: (connection: Transaction) => Promise<Result>): Promise<Result>
  /** LISTENs on a channel (on a connection of its own, reopened when lost); the function returned stops it. */
  listen(channel: string, onNotify: (text: string) => void): Promise<() => Promise<void>>
  close(): Promise<void>
}

export interface Connection {
  query<Row extends object>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>
}

/** The connection of a transaction. */
export interface Transaction extends Connection {
  /** Sends what `COPY … FROM STDIN` asks for, in the format that it names. */
  copyFrom(sql: string, chunks: readonly Buffer[]): Promise<void>
}
