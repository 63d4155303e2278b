/** What a service does, by the codes that status broadcasts carry (workflows: CommonService.SERVICE_STATUS_…). */
export const STATUS = {
  constructing: 0,
  starting: 1,
  idle: 2,
  timer: 3,
  processing: 4,
  shuttingDown: 5,
  ended: 6,
  error: 7,
  none: -1,
  teardown: -2,
} as const

export type StatusCode = (typeof STATUS)[keyof typeof STATUS]

const TEXTS: Readonly<Record<StatusCode, string>> = {
  [STATUS.constructing]: 'constructing',
  [STATUS.starting]: 'starting',
  [STATUS.idle]: 'idle',
  [STATUS.timer]: 'timer event',
  [STATUS.processing]: 'processing',
  [STATUS.shuttingDown]: 'shutting down',
  [STATUS.ended]: 'shutdown',
  [STATUS.error]: 'error',
  [STATUS.none]: 'no service loaded',
  [STATUS.teardown]: 'shutdown',
}

export function statusText(code: StatusCode): string {
  return TEXTS[code]
}
