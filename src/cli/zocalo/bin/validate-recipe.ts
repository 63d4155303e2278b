#!/usr/bin/env node
import { runZocalo } from '../run-zocalo.ts'
import { addValidateRecipe } from '../validate-recipe.ts'

await runZocalo('validate-recipe', addValidateRecipe)
