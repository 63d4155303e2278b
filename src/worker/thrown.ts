/** Something that was thrown, or an error in its place where it cannot even be asked what it is (a revoked proxy). */
export function visible(thrown: unknown): unknown {
  try {
    thrown instanceof Error
    return thrown
  } catch (cause) {
    return new Error('something was thrown that cannot be looked at', { cause })
  }
}
