#!/usr/bin/env node
import { join } from 'node:path'
import { ownPath, requirePackage } from '../../../installed-packages.ts'
import { keepCompiled } from '../short/keep-compiled.ts'

keepCompiled(join(ownPath, '../../../../..'))
requirePackage('../short/go.cjs')
