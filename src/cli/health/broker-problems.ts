import type { Broker } from '../../brokers/broker.ts'

/** Says so while the connection to the broker is lost. */
export function brokerProblems(broker: Pick<Broker, 'on' | 'safeUrl'>): () => readonly string[] {
  let isLost = false
  broker.on('lost', () => {
    isLost = true
  })
  broker.on('restored', () => {
    isLost = false
  })
  return () => (isLost ? [`the broker is away: ${broker.safeUrl}`] : [])
}
