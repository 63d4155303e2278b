import type { SqsDriver } from './driver.ts'

/**
 * The host that the SDK would call: it reads AWS_ENDPOINT_URL_SQS and profiles itself, and does not say. Nothing is sent.
 */
export async function endpointHost(
  { SQS }: SqsDriver,
  config: { readonly region: string; readonly endpoint?: string | undefined },
): Promise<string> {
  let hostname = ''
  const client = new SQS({
    region: config.region,
    ...(config.endpoint !== undefined && { endpoint: config.endpoint }),
    credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
    maxAttempts: 1,
    requestHandler: {
      handle: (request: { readonly hostname: string }) => {
        hostname = request.hostname
        return Promise.reject(new Error('the host is known'))
      },
    },
  })
  await client.getQueueUrl({ QueueName: 'none' }).catch(() => undefined)
  client.destroy()
  return hostname
}
