/**
 * Tasks of other programs that types are known of: by name, their arguments and result. `celery-toolbox contract pull`
 * writes a file that fills it from a Python app.
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is filled by declarations of the user's own.
export interface RemoteTasks {}
