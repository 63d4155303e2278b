#!/usr/bin/env node
import { addDlqPurge } from '../dlq/purge.ts'
import { runZocalo } from '../run-zocalo.ts'

await runZocalo('dlq-purge', addDlqPurge)
