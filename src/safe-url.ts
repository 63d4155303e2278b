/** The url with its password (and any secret in its query) as `***`: fit for logs and errors. */
export function safeUrl(url: string): string {
  return url
    .replace(/^([a-z][\w+.-]*:\/\/[^:/?#@]*):.*@(?=[^@]*$)/i, '$1:***@')
    .replace(/([?&](?:password|secret|token|sslpassword|api_key)=)[^&#]*/gi, '$1***')
}
