import { remoteControlWith } from './remote-control-suite.ts'

remoteControlWith('old')
