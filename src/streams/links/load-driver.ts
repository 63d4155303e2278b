import { StreamError } from '../../errors.ts'

/** A link's package, loaded when it is first used; the error names the package to install. */
export async function loadDriver<Driver>(
  load: () => Promise<Driver>,
  { name, link }: { readonly name: string; readonly link: string },
): Promise<Driver> {
  try {
    return await load()
  } catch (cause) {
    throw driverMissing(name, link, cause)
  }
}

function driverMissing(name: string, link: string, cause: unknown): StreamError {
  return new StreamError(
    'STREAM_DRIVER_MISSING',
    `${link} links need the package "${name}", which cannot be loaded; run: npm install ${name}`,
    { cause },
  )
}
