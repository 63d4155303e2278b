/**
 * The url with its password (and any secret in its query) as `***`: fit for logs and errors. So is what PostgreSQL's own
 * tools take in its place, `host=db password=…`.
 */
export function safeUrl(url: string): string {
  return url
    .replace(/^([a-z][\w+.-]*:\/\/[^:/?#@]*):.*@(?=[^@]*$)/i, '$1:***@')
    .replace(/([?&](?:password|secret|token|sslpassword|api_key)=)[^&#]*/gi, '$1***')
    .replace(/((?:^|\s)(?:ssl)?password\s*=\s*)(?:'(?:\\.|[^'\\])*'?|\S*)/gi, '$1***')
}
