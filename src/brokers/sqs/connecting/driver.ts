import type * as Sqs from '@aws-sdk/client-sqs'
import type * as Sts from '@aws-sdk/client-sts'
import { BrokerError } from '../../../errors.ts'

export type SqsDriver = typeof Sqs
type StsDriver = typeof Sts

/** The AWS SDK, loaded when first used: users of other brokers need not install it. */
export async function loadSqs(): Promise<SqsDriver> {
  try {
    return await import('@aws-sdk/client-sqs')
  } catch (cause) {
    throw driverMissing('sqs://', '@aws-sdk/client-sqs', cause)
  }
}

/** For `sts_role_arn` alone. */
export async function loadSts(): Promise<StsDriver> {
  try {
    return await import('@aws-sdk/client-sts')
  } catch (cause) {
    throw driverMissing('the option sts_role_arn', '@aws-sdk/client-sts', cause)
  }
}

function driverMissing(what: string, name: string, cause: unknown): BrokerError {
  return new BrokerError(
    'DRIVER_MISSING',
    `${what} needs the package "${name}", which is not installed; run: npm install ${name}`,
    { cause },
  )
}
