import { fauxqs } from './fauxqs.ts'
import { spoiledEnvelopesContract } from './spoiled-envelopes-contract.ts'

// test/sqs-servers runs the same on ElasticMQ and moto.
spoiledEnvelopesContract(async () => `127.0.0.1:${(await fauxqs()).port}`)
