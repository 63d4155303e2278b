const MOST_CHARACTERS = 100

/** A value that came over the wire, for an error: it may be of any kind and size. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value, (_key, field: unknown) =>
    typeof field === 'bigint' ? String(field) : field,
  )
  const whole = text ?? String(value)
  return whole.length > MOST_CHARACTERS ? `${whole.slice(0, MOST_CHARACTERS)}…` : whole
}
