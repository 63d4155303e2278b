import { BaseWrapper } from '../../../dist/src/recipes/index.js'

/** Fails where `run` is called. */
export class Throws extends BaseWrapper {
  async run() {
    const detector = {}
    return detector.image.size > 0
  }
}

/** Fails outside of `run`, where nothing catches it. */
export class Escapes extends BaseWrapper {
  async run() {
    setImmediate(function readImage() {
      throw new Error('the image is torn')
    })
    return await new Promise(() => undefined)
  }
}
