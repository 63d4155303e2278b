import { matrixOf } from './matrix-suite.ts'

matrixOf('new')
