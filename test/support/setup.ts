import { quickenDrizzleImports } from '../../src/storage/drizzle-imports.ts'
import { importPostgres } from '../../src/storage/postgres-driver.ts'

// as the program does before it opens its database
quickenDrizzleImports()
await importPostgres()
