#!/usr/bin/env node
import { createRequire } from 'node:module'
import { Command, CommanderError } from 'commander'
import { collect } from './commands/collect.ts'
import { demo } from './commands/demo.ts'
import { localKinesis } from './commands/local-kinesis.ts'
import { UsageError, usageErrorOf } from './commands/usage.ts'
import { describe, printable } from './log.ts'

const NAME = 'tdist-server'

const program = new Command(NAME)
  .description('Receives the spans of services that tdist traces, and shows their traces.')
  .version(version())
  .helpOption('-h, --help', 'say what a command takes')
  .addHelpText('after', `\n${NAME} COMMAND --help says what a command takes.`)
  .configureOutput({ writeErr: () => {} })
  .exitOverride()
for (const addTo of [demo, collect, localKinesis]) addTo(program)

function version(): string {
  return (createRequire(import.meta.url)('tdist-server/package.json') as { version: string }).version
}

async function main(args: readonly string[]): Promise<void> {
  const names = program.commands.map((command) => command.name()).join(', ')
  if (args.length === 0) throw new UsageError(`name a command: ${names}; see ${NAME} --help`)
  const named = program.commands.find((command) => command.name() === args[0])
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return
    throw usageErrorOf(error, named ? `${NAME} ${named.name()}` : NAME)
  }
}

// What the SDK has to say on Node's versions is not for those who only read a stream.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${NAME}: ${printable(describe(error))}\n`)
  process.exitCode = error instanceof UsageError ? 2 : 1
})
