#!/usr/bin/env node
import { runZocalo } from '../run-zocalo.ts'
import { addService } from '../service/service.ts'

await runZocalo('service', addService)
