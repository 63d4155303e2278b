/** The thrown value, or an error in place of one whose type cannot be read (a revoked proxy). */
export function readable(thrown: unknown): unknown {
  try {
    thrown instanceof Error
    return thrown
  } catch (cause) {
    return new Error('a value was thrown whose type cannot be read', { cause })
  }
}
