import { hostname } from 'node:os'

/** The id of a front end: the labels of the host's name reversed, a dot, the process id. */
export function hostId(host = hostname(), pid = process.pid): string {
  return `${reversedHost(host)}.${pid}`
}

export function reversedHost(host = hostname()): string {
  return host.split('.').reverse().join('.')
}
