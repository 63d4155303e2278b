import type { Config } from '../config/config.ts'

/** The settings of a `Config` that remote control needs. */
export type ControlSettings = Pick<
  Config,
  | 'accept_content'
  | 'control_exchange'
  | 'control_queue_durable'
  | 'control_queue_expires'
  | 'control_queue_ttl'
  | 'task_serializer'
>
