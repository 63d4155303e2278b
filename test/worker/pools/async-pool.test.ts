import { AsyncPool } from '../../../src/worker/pools/async-pool.ts'
import { poolContract } from '../../contracts/pool-contract.ts'

poolContract('async', () => new AsyncPool())
