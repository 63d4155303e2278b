#!/usr/bin/env node
import { addDlqReinject } from '../dlq/reinject.ts'
import { runZocalo } from '../run-zocalo.ts'

await runZocalo('dlq-reinject', addDlqReinject)
