#!/usr/bin/env node
import { createRequire } from 'node:module'
import { collect } from './commands/collect.ts'
import { demo } from './commands/demo.ts'
import { UsageError } from './commands/usage.ts'
import { describe, printable } from './host/log.ts'

const HELP = `tdist: distributed tracing for Node services

  tdist demo        three traced services, and their traces as trees
  tdist collect     reads spans from a Kinesis stream and shows their traces
  tdist --version   the version
  tdist --help      this text; after a command, what it takes
`

const COMMANDS: Record<string, (args: string[]) => Promise<number>> = { demo, collect }

async function main([first, ...rest]: string[]): Promise<number> {
  if (first === '--help' || first === '-h') return print(HELP)
  if (first === '--version') return print(`${version()}\n`)
  const names = Object.keys(COMMANDS).join(', ')
  if (first === undefined) throw new UsageError(`name a command: ${names}; see tdist --help`)
  const command = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined
  if (!command) throw new UsageError(`there is no command ${first}; use ${names}; see tdist --help`)
  return command(rest)
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

function version(): string {
  return (createRequire(import.meta.url)('tdist/package.json') as { version: string }).version
}

// What the SDK has to say on Node's versions is not for those who only read a stream.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    process.stderr.write(`tdist: ${printable(describe(error))}\n`)
    process.exitCode = error instanceof UsageError ? 2 : 1
  },
)
