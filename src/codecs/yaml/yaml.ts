export { decodeYaml } from './yaml-reader.ts'
export { encodeYaml } from './yaml-writer.ts'
