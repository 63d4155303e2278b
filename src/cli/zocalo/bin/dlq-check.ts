#!/usr/bin/env node
import { addDlqCheck } from '../dlq/check.ts'
import { runZocalo } from '../run-zocalo.ts'

await runZocalo('dlq-check', addDlqCheck)
