#!/usr/bin/env node
import { runZocalo } from '../run-zocalo.ts'
import { addStatusMonitor } from '../status-monitor.ts'

await runZocalo('status-monitor', addStatusMonitor)
