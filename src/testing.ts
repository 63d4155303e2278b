// For tests of applications: everything in memory, and checks of a configuration.

export { MemoryBroker } from './brokers/memory/memory-broker.ts'
export { MemoryResultStore } from './results/memory-store.ts'
export { buildFunctionalTests, type FunctionalTest } from './tasks/functional-tests.ts'
