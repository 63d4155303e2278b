import { addGo } from '../go.ts'
import { runZocalo } from '../run-zocalo.ts'

void runZocalo('go', addGo)
