// For apps of celery.node, https://www.npmjs.com/package/celery-node: docs/from-celery-node.md

export { CeleryNodeResult, type TaskMeta } from './async-result.ts'
export {
  type CeleryNodeClient,
  createClient,
  createWorker,
  type LocalWorker,
} from './create.ts'
export type { ToolboxOptions } from './equipment.ts'
export type { CeleryNodeConf, CeleryNodePackage, CeleryNodePeer, CeleryNodeWorker } from './peer.ts'
export { type Toolbox, useToolbox } from './use-toolbox.ts'
