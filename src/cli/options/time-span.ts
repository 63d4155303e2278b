export { timeSpanMs } from '../../time-span.ts'
