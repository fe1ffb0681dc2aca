import { registerHooks } from 'node:module'

const INSIDE = '/node_modules/drizzle-orm/'

/**
 * Makes the next import of drizzle quick: 0.2 s of CPU and 57 MB instead of 2 s and 285 MB (Node 24.21, drizzle 0.45.4, alone in a
 * process). For each of its modules Node looks at the package's package.json to know the module's kind, and parses its 447 exports
 * anew. Here it is told the kind.
 */
export function quickenDrizzleImports(): void {
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const from = context.parentURL ?? ''
      if (!specifier.startsWith('.') || !from.includes(INSIDE)) return nextResolve(specifier, context)
      return { url: new URL(specifier, from).href, format: 'module', shortCircuit: true }
    },
  })
}
