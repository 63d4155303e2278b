#!/usr/bin/env node
import { addQueueDrain } from '../queue-drain.ts'
import { runZocalo } from '../run-zocalo.ts'

await runZocalo('queue-drain', addQueueDrain)
