import { remoteControlWith } from './remote-control-suite.ts'

remoteControlWith('new')
