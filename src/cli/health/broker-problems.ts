import type { Broker, ConsumerProblem } from '../../brokers/broker.ts'

/** Says so while the connection to the broker is lost, and which queues are not consumed though they should be. */
export function brokerProblems(
  broker: Pick<Broker, 'on' | 'problems' | 'safeUrl'>,
): () => readonly string[] {
  let isLost = false
  broker.on('lost', () => {
    isLost = true
  })
  broker.on('restored', () => {
    isLost = false
  })
  return () => [
    ...(isLost ? [`the broker is away: ${broker.safeUrl}`] : []),
    ...queueProblems(broker.problems),
  ]
}

export function queueProblems(problems: readonly ConsumerProblem[]): readonly string[] {
  return problems.map(({ queue, reason }) => `the queue "${queue}" is not consumed: ${reason}`)
}
