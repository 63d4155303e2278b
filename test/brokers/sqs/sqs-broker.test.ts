import { SQS_FEATURES } from '../../../src/brokers/features.ts'
import { brokerContract } from '../../contracts/broker-contract.ts'
import { sqsSpace } from './fauxqs.ts'

brokerContract({
  name: 'sqs',
  features: SQS_FEATURES,
  makeSpace: async () => {
    const space = await sqsSpace()
    return {
      open: () => space.open(),
      deleteQueue: async (queue) => space.server.deleteQueue(space.nameOf(queue)),
      loseConnection: async () => undefined,
    }
  },
})
