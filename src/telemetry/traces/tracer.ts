/** The name under which our spans are made. */
export const TRACER = 'celery-toolbox'
