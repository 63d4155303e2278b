import type { App } from './app.ts'

/**
 * Declares the exchange, every queue and its bindings. Workers do it when they start and producers before
 * their first publish; call it yourself to have it done earlier. Safe to repeat.
 * With `throwOnError: false` a failure is logged and `app.isSetUp` stays false.
 */
export async function setupApp(
  app: App,
  { throwOnError = true }: { readonly throwOnError?: boolean } = {},
): Promise<void> {
  try {
    await app.setUp()
  } catch (error) {
    if (throwOnError) throw error
    app.logger.error({ err: error }, 'cannot declare the queues; trying again at the first publish')
  }
}
