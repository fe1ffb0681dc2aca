import { startFalServer } from '../test/support/fal-server.ts'

/** The stand-in for fal as a process of its own, so that its memory isn't counted. Prints its variables as JSON. */
const never = process.argv.includes('--never')
const server = await startFalServer(never ? { outcome: { never: true } } : {})
console.log(JSON.stringify(server.env))
