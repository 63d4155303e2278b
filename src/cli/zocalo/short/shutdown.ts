import { runZocalo } from '../run-zocalo.ts'
import { addShutdown } from '../shutdown.ts'

void runZocalo('shutdown', addShutdown)
