const TIME = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?/g
const OWN = new Set([
  ...['pid', 'traceback', 'clock', 'timestamp', 'runtime', 'loadavg', 'sw_ident', 'sw_ver'],
])

/** What a worker wrote, but for what is of this call, this worker or its language. */
export function plain(value: unknown, id: string, key = ''): unknown {
  if (value === null || value === undefined) return value
  if (OWN.has(key)) return 'own'
  if (typeof value === 'string') return plainText(value, id)
  if (Array.isArray(value)) return Array.from(value, (one) => plain(one, id))
  if (typeof value !== 'object') return value
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  return Object.fromEntries(entries.map(([name, one]) => [name, plain(one, id, String(name))]))
}

function plainText(text: string, id: string): string {
  return text
    .replaceAll(id, 'id')
    .replace(/[\w.-]+@(python|node)/g, 'worker')
    .replace(TIME, ({ length }) => `a time of ${length} characters`)
}
