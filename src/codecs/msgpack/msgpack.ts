export { decodeMsgpack } from './msgpack-reader.ts'
export { encodeMsgpack } from './msgpack-writer.ts'
