#!/usr/bin/env node
import { endOnBrokenPipe, flushed } from './output/output.ts'
import { buildProgram } from './program/program.ts'
import { runProgram } from './run-program.ts'

// Also imported by `npm start`, which sets process.argv; so it runs when it is loaded.
endOnBrokenPipe()
const args = process.argv.slice(2)
const exitCode = await runProgram(args, await buildProgram(args))
await flushed()
// Said aloud: an app's own connections and timers would keep the process alive.
process.exit(exitCode)
