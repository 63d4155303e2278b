/** A Redis connection of the driver, as far as it sends commands. */
interface CommandSender {
  sendCommand(command: { reject: (error: Error) => void }, ...more: never[]): unknown
}

/**
 * The driver adds the refused command to its error, with its arguments: AUTH's password, the values of tasks. Logs print the
 * fields of errors, so the field `command` is removed before the error is passed on.
 */
export function withoutArgumentsInErrors<Connection extends CommandSender>(
  redis: Connection,
): Connection {
  const send = redis.sendCommand.bind(redis)
  redis.sendCommand = (command, ...more) => {
    const { reject } = command
    command.reject = (error) => {
      Reflect.deleteProperty(error, 'command')
      reject(error)
    }
    return send(command, ...more)
  }
  return redis
}

/** The answer to a SELECT that the server has no database for. */
export function isMissingDatabase({ message }: Error): boolean {
  return /^ERR (?:DB index is out of range|invalid DB index)/.test(message)
}
