import { MemoryLeases } from '../../src/leases/memory-leases.ts'
import { leaseContract } from '../contracts/lease-contract.ts'

leaseContract(async () => new MemoryLeases())
