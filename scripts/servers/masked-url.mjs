/** As src/safe-url.ts, which a bare clone cannot run yet. */
export function safeUrl(url) {
  return url.replace(/^([a-z][\w+.-]*:\/\/[^:/?#@]*):.*@(?=[^@]*$)/i, '$1:***@')
}
