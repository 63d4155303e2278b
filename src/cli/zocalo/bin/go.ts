#!/usr/bin/env node
import { addGo } from '../go.ts'
import { runZocalo } from '../run-zocalo.ts'

await runZocalo('go', addGo)
