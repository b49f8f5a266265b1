import { examine } from './doctor/doctor.ts'
import { installedIn } from './doctor/installed.ts'

const HELP = `tdist: distributed tracing for Node services

  npx tdist             what is installed in this folder, what would be traced, and how to start it so
  npx tdist --version   the version that is installed in this folder
  npx tdist --help      this text

npx tdist-server receives the spans and shows them.
`

/** Commands that have moved to the server's package. */
const MOVED = ['collect', 'demo']

/** What `npx tdist` does; the result is the exit code. */
export function main(args: readonly string[], folder: string): number {
  const [first, ...more] = args
  if (first === undefined) {
    const { text, code } = examine(folder)
    process.stdout.write(text)
    return code
  }
  if (MOVED.includes(first))
    return wrong(`${first} is a command of tdist-server now: npx tdist-server ${args.join(' ')}`)
  if (more.length > 0)
    return wrong(`it takes one argument at most, not ${args.join(' ')}; see npx tdist --help`)
  if (first === '--help' || first === '-h') {
    process.stdout.write(HELP)
    return 0
  }
  if (first === '--version') {
    const own = installedIn(folder, 'tdist')
    if (!own) return wrong(`it is not installed in ${folder}: npm install tdist`)
    process.stdout.write(`${own.version}\n`)
    return 0
  }
  return wrong(`it takes no ${first}; see npx tdist --help`)
}

function wrong(line: string): number {
  process.stderr.write(`tdist: ${line}\n`)
  return 2
}
