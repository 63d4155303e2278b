import type * as Zeromq from 'zeromq'
import { loadDriver } from '../load-driver.ts'

export type Driver = typeof Zeromq

export function loadZmq(): Promise<Driver> {
  return loadDriver(() => import('zeromq'), { name: 'zeromq', link: 'zmq' })
}
