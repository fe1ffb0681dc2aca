import { quickenDrizzleImports } from '../../src/storage/drizzle-imports.ts'

// as the program does before it opens its database
quickenDrizzleImports()
