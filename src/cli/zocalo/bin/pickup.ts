#!/usr/bin/env node
import { addPickup } from '../pickup.ts'
import { runZocalo } from '../run-zocalo.ts'

await runZocalo('pickup', addPickup)
