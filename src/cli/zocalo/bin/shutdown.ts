#!/usr/bin/env node
import { runZocalo } from '../run-zocalo.ts'
import { addShutdown } from '../shutdown.ts'

await runZocalo('shutdown', addShutdown)
