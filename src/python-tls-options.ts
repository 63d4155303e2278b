const UNCHECKED = /^(?:CERT_)?NONE$|^0$/i
const CHECKED = /^(?:CERT_)?(?:OPTIONAL|REQUIRED)$|^[12]$/i

export const CERT_REQS = 'CERT_NONE, CERT_OPTIONAL or CERT_REQUIRED'

/**
 * Whether a client of these `cert_reqs` of Python checks the server's certificate, https://docs.python.org/3/library/ssl.html#ssl.CERT_OPTIONAL:
 * for a client CERT_OPTIONAL is CERT_REQUIRED. Checked where nothing is said; undefined for what Python does not have.
 */
export function checksCertificate(certReqs: unknown): boolean | undefined {
  if (certReqs === undefined || certReqs === null) return true
  const text = String(certReqs)
  if (UNCHECKED.test(text)) return false
  return CHECKED.test(text) ? true : undefined
}
