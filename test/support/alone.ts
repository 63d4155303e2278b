/** Files of test/faults/ that strike nothing but what they have started, and their own database. */
export const OF_THEIR_OWN: readonly string[] = [
  'chords',
  'database-losses',
  'killed',
  'rolling-deploys',
]

/** Live tests that stop the servers of all the others, or are upset by how fast others let them be. */
export const ALONE: readonly string[] = [
  `test/faults/!(${OF_THEIR_OWN.join('|')}).live.test.ts`,
  'test/brokers/amqp/amqp-restart.live.test.ts',
]
