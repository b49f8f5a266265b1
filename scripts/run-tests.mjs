// Runs the compiled tests: all; those whose path holds one of the words given; with --failed the files in which a test
// failed in the run before; with --of-node those that may turn out otherwise on another version of Node.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const FAILED = 'build/failed-tests'
/** The same on every version: what reads the sources, foreign peers, and of the server what no stranger's input reaches. */
const ONCE =
  /^build\/(test\/(architecture\/architecture|api|brave-cases|docs|interop)|server\/test\/(?!bad-input|commands|terminal|traces|collector\/[\w-]+\.test|local-kinesis\/(server|streams)))/
process.chdir(fileURLToPath(new URL('..', import.meta.url)))

const words = process.argv.slice(2)
const files =
  words[0] === '--failed'
    ? failedBefore()
    : words[0] === '--of-node'
      ? testsNamed([]).filter((file) => !ONCE.test(file))
      : testsNamed(words)
if (files.length === 0) {
  const what =
    words[0] === '--failed'
      ? 'no test failed in the run before'
      : `no test file's path holds ${words.join(' or ')}`
  process.stderr.write(`${what}\n`)
  process.exit(2)
}
writeFileSync(FAILED, '')
const { status } = spawnSync(
  process.execPath,
  [
    '--test',
    '--test-concurrency=2',
    '--test-timeout=600000',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=./scripts/failed-files.mjs',
    `--test-reporter-destination=${FAILED}`,
    ...files,
  ],
  { stdio: 'inherit' },
)
process.exit(status ?? 1)

function testsNamed(words) {
  return (
    ['build/test', 'build/server/test']
      .flatMap((folder) => readdirSync(folder, { recursive: true }).map((file) => join(folder, file)))
      .filter(
        (file) =>
          file.endsWith('.test.js') && (words.length === 0 || words.some((word) => file.includes(word))),
      )
      // What was compiled of a test that has gone, or moved, is still there.
      .filter((file) => existsSync(file.replace(/^build\//, '').replace(/\.js$/, '.ts')))
      .sort()
  )
}

function failedBefore() {
  return readFileSync(FAILED, 'utf8').split('\n').filter(Boolean)
}
