import { loadTypeorm } from '../../../database/load-typeorm.ts'

/** TypeORM's; where it is not installed, the error says how to install it. */
export const { EntitySchema } = loadTypeorm()
