import type * as OpenTelemetry from '@opentelemetry/api'

/** The name under which our spans are made. */
export const TRACER = 'celery-toolbox'

export type OpenTelemetryApi = typeof OpenTelemetry

let api: OpenTelemetryApi | null | undefined

/** OpenTelemetry's api, once it was loaded; null where it is not installed, undefined before the first look. */
export function loadedTelemetry(): OpenTelemetryApi | null | undefined {
  return api
}

/** It is an optional peer: without it, and as long as no SDK is registered with it, nothing is traced. */
export async function loadTelemetry(): Promise<OpenTelemetryApi | null> {
  if (api !== undefined) return api
  try {
    api = await import('@opentelemetry/api')
  } catch {
    // Who does not trace does not install it.
    api = null
  }
  return api
}
