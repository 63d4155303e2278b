import { HealthServer, type HealthServerOptions } from './health-server.ts'
import type { Runnable } from './run-until-stopped.ts'

/** The service, with a server for health checks: from before its start, which may take long, to the end. */
export function withHealth(service: Runnable, options: HealthServerOptions): Runnable {
  let state: 'starting' | 'running' | 'stopping' = 'starting'
  const server = new HealthServer({
    ...options,
    problems: () => [...(state === 'running' ? [] : [`it is ${state}`]), ...options.problems()],
  })
  return {
    ...(service.ended !== undefined && { ended: service.ended.then(async () => server.stop()) }),
    start: async () => {
      await server.start()
      await service.start()
      if (state === 'starting') state = 'running'
    },
    stop: async (how) => {
      state = 'stopping'
      await service.stop(how)
      await server.stop()
    },
  }
}
