// For tests of applications: everything in memory, with real messages. docs/testing.md

export { MemoryBroker } from '../brokers/memory/memory-broker.ts'
export { MemoryResultStore } from '../results/memory/memory-store.ts'
export { buildFunctionalTests, type FunctionalTest } from '../tasks/app/functional-tests.ts'
export { eagerApp, memoryApp } from './apps.ts'
export { FakeClock, type Span } from './fake-clock.ts'
export { FakeSelf, type FakeSelfOptions, fakeSelf } from './fake-self.ts'
export type { ExpectedCall, PublishedMessage } from './published.ts'
export { startTestApp, type TestApp, type TestAppOptions } from './test-app.ts'
