import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

if (Number(process.versions.node.split('.')[0]) < 24) {
  throw new Error(
    `Node 24 is needed, this is ${process.version}: run the tests by "npm test", which brings its own.`,
  )
}

/** The files that take longest, the longest first: one that begins last would leave a core idle. */
const LONGEST = [
  'test/crash/payments.test.ts',
  'test/e2e/real-clips.test.ts',
  'test/e2e/services.test.ts',
  'test/crash/kill.test.ts',
  'test/e2e/election.test.ts',
  'test/e2e/film.test.ts',
  'test/e2e/cancel.test.ts',
  'test/e2e/bad-input.test.ts',
  'test/e2e/discord.test.ts',
  'test/e2e/discord-webhook.test.ts',
  'test/crash/outages.test.ts',
  'test/e2e/slack.test.ts',
  'test/e2e/running.test.ts',
  'test/e2e/pages.test.ts',
  'test/pipeline/media/join.test.ts',
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const i = LONGEST.findIndex((name) => moduleId.endsWith(name))
      return i === -1 ? LONGEST.length : i
    }
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b))
  }
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
    sequence: { sequencer: LongestFirst },
  },
})
