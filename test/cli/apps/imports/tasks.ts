import { app } from './app.ts'

app.task('export.pdf', () => 'pdf')
