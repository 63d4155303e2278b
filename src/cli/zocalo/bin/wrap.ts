#!/usr/bin/env node
import { runZocalo } from '../run-zocalo.ts'
import { addWrap } from '../wrap.ts'

await runZocalo('wrap', addWrap)
