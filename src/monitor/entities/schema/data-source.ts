import type { DataSource } from 'typeorm'
import { typeormSource } from '../../../database/typeorm-source.ts'
import { entities } from '../index.ts'

/** A TypeORM DataSource with our entities and migrations, not yet initialized. */
export async function createDataSource(
  url: string,
  options: { readonly poolSize?: number } = {},
): Promise<DataSource> {
  return await typeormSource(url, { ...options, entities: [...entities] })
}
