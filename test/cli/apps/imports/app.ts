import { Config } from '../../../../src/config/config.ts'
import { createApp } from '../../../../src/create-app.ts'

export const app = createApp(
  new Config({ broker_url: 'memory://', imports: ['./tasks.ts'], include: ['more.tasks'] }),
)
