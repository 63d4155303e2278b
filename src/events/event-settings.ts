import type { Config } from '../config/config.ts'

/** The settings of a `Config` that sending events needs. */
export type EventSettings = Pick<Config, 'event_exchange' | 'event_serializer' | 'platformQueue'>
