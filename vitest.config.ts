import { defineConfig } from 'vitest/config'

if (Number(process.versions.node.split('.')[0]) < 24) {
  throw new Error(
    `Node 24 is needed, this is ${process.version}: run the tests by "npm test", which brings its own.`,
  )
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    setupFiles: 'test/support/setup.ts',
    clearMocks: true,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // the tests encode video: more files at once than cores would only wait for each other
    maxWorkers: 2,
  },
})
