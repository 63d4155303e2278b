#!/usr/bin/env node
import { runZocalo } from '../run-zocalo.ts'

await runZocalo('status-monitor')
