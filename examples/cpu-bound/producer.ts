// Counts primes on a thread of the worker, and asks meanwhile whether the worker still answers:
//
//     npx tsx examples/cpu-bound/producer.ts
import { app, ping, primes } from './app.ts'

const counting = await primes.delay(20_000_000)
const answered = await ping.delay()
console.log('ping:', await answered.get({ timeoutMs: 30_000 }))
console.log('primes below 20,000,000:', await counting.get({ timeoutMs: 60_000 }))

await app.close()
