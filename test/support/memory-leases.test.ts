import { leaseContract } from '../contracts/lease-contract.ts'
import { MemoryLeases } from './memory-leases.ts'

leaseContract(async () => new MemoryLeases())
