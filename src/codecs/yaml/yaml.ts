export { decodeYaml, refuseLongYaml } from './yaml-reader.ts'
export { encodeYaml } from './yaml-writer.ts'
