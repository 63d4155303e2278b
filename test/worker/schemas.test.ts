import { type } from 'arktype'
import * as v from 'valibot'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'

const WAIT = { timeoutMs: 5_000 }

const SCHEMAS = [
  ['zod', z.object({ slug: z.string(), copies: z.number().default(1) })],
  ['valibot', v.object({ slug: v.string(), copies: v.optional(v.number(), 1) })],
  ['arktype', type({ slug: 'string', copies: 'number = 1' })],
] as const

test.each(SCHEMAS)(
  '%s checks the arguments, fills in defaults and names what is wrong',
  async (_name, schema) => {
    const app = embeddedApp()
    const repeat = app.task('export.repeat', { schema }, (input) => input.slug.repeat(input.copies))
    await startWorker(app)
    expect(await (await repeat.delay({ slug: 'ab' })).get(WAIT)).toBe('ab')
    const byName = await repeat.applyAsync([], { kwargs: { slug: 'a', copies: 3 } })
    expect(await byName.get(WAIT)).toBe('aaa')
    const wrong = await app.sendTask('export.repeat', [{ slug: 'a', copies: 'two' }])
    await expect(wrong.get(WAIT)).rejects.toThrow(/export\.repeat\(\) got wrong arguments: copies/)
    const lacking = await app.sendTask('export.repeat', [], { copies: 1 })
    await expect(lacking.get(WAIT)).rejects.toThrow(/slug/)
  },
)
