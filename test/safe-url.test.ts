import { expect, test } from 'vitest'
import { safeUrl } from '../src/safe-url.ts'

test.each([
  ['postgresql://me:secret@db/app?sslmode=require', 'postgresql://me:***@db/app?sslmode=require'],
  ['postgresql://db/app?user=me&password=sec ret', 'postgresql://db/app?user=me&password=***'],
  ['host=db password=secret user=me', 'host=db password=*** user=me'],
  [String.raw`password = 'sec \' ret' sslpassword=secret`, 'password = *** sslpassword=***'],
])('%s is shown as %s', (url, shown) => {
  expect(safeUrl(url)).toBe(shown)
})
