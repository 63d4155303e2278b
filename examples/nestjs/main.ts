// A NestJS application that calls tasks and runs them:
//
//     node --import tsx examples/nestjs/main.ts     with TSX_TSCONFIG_PATH=examples/nestjs/tsconfig.json
//
// AMQP_URL, RESULT_BACKEND and PORT say where.
import 'reflect-metadata'
import { Body, Controller, Get, HttpCode, Inject, Module, Param, Post } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Tasks } from './tasks.js'

@Controller('sums')
class Sums {
  readonly #tasks: Tasks

  constructor(@Inject(Tasks) tasks: Tasks) {
    this.#tasks = tasks
  }

  @Post()
  @HttpCode(202)
  async call(@Body() { x, y }: { x: number; y: number }): Promise<{ id: string }> {
    const result = await this.#tasks.add.delay(x, y)
    return { id: result.id }
  }

  @Get(':id')
  async sum(@Param('id') id: string): Promise<{ sum: number }> {
    const result = this.#tasks.app.asyncResult<number>(id, this.#tasks.add.name)
    return { sum: await result.get({ timeoutMs: 5_000 }) }
  }
}

@Module({ controllers: [Sums], providers: [Tasks] })
class AppModule {}

async function main(): Promise<void> {
  const nest = await NestFactory.create(AppModule, { logger: ['warn', 'error'] })
  // Signals are the application's: the toolbox listens to none.
  nest.enableShutdownHooks()
  await nest.listen(Number(process.env.PORT ?? 3000))
  console.log(await nest.getUrl())
}
void main()
