/** What runs the commands of a Redis connection: the driver's Redis. */
interface CommandSender {
  sendCommand(command: { reject: (error: Error) => void }, ...more: never[]): unknown
}

/**
 * The driver puts each refused command into its error, with its arguments: AUTH's password, and the values of tasks. A log
 * shows what an error has, so it is taken out before anybody sees the error.
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
