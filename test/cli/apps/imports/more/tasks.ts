import { app } from '../app.ts'

app.task('export.csv', () => 'csv')
