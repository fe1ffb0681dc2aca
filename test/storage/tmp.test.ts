import { expect, test } from 'vitest'
import { DATABASES } from '../support/databases.ts'
test.each(DATABASES)('$name', async ({ open }) => {
  expect((await open()).db).toBeDefined()
})
