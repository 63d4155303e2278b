/** Categories of recordings whose task messages are read and written again. */
export const MESSAGE_CATEGORIES = [
  'amqp encoding',
  'beat',
  'canvas, producer side',
  'chords',
  'compression',
  'messages published by a worker',
  'native delayed delivery',
  'older release',
  'protocol 1',
  'redis backend',
  'retries',
  'routing',
  'serializers',
  'task messages',
]

/** Categories that hold results in their JSON form. */
export const RESULT_CATEGORIES = [
  'messages published by a worker',
  'older release',
  'redis backend',
  'retries',
  'rpc results',
]

/** Categories of which each case is a test. */
export const CASE_CATEGORIES = ['result reader tolerance', 'worker tolerance']

/** Categories that say nothing about how a message or a result is written, and where they belong. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  acknowledgement: 'the worker, which settles deliveries',
  'database backend': 'results/, which keeps Celery’s tables',
  declarations: 'brokers/, which declares exchanges and queues',
  events: 'encode-events.test.ts and decode-events.test.ts',
  'remote control': 'control.test.ts, for the commands that are understood',
  sqs: 'the SQS broker, not built yet',
}
