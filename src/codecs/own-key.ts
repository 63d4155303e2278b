/** Sets a key of a plain object; assigning `__proto__` would set its prototype instead. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') object[key] = value
  else
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    })
}

/** Pairs as a plain object where every key is text, else as a Map. */
export function dictOf(entries: readonly (readonly [unknown, unknown])[]): object {
  if (entries.some(([key]) => typeof key !== 'string')) return new Map(entries)
  const object: Record<string, unknown> = {}
  for (const [key, value] of entries) setOwn(object, key as string, value)
  return object
}
