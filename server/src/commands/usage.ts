import { type CommanderError, InvalidArgumentError } from 'commander'

/** A command given wrongly: its message is the one line to say. The exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** What commander has to say of wrong arguments, in one line that names the help to look at. */
export function usageErrorOf(error: CommanderError, command: string): UsageError {
  const said = error.message.replace(/^error: /, '').replace(' is invalid. ', ' is invalid: ')
  return new UsageError(`${said.split('\n', 1)[0]!.replace(/\.$/, '')}; see ${command} --help`)
}

/** Reads an option's value as a whole number within bounds. */
export function wholeNumber(least: number, most: number): (value: string) => number {
  return (value) => {
    const number = Number(value)
    if (/^\d+$/.test(value) && number >= least && number <= most) return number
    throw new InvalidArgumentError(`give a whole number from ${least} to ${most}`)
  }
}

/** Reads an option's value as the URL of a server. */
export function httpUrl(value: string): string {
  if (/^https?:\/\//.test(value) && URL.canParse(value)) return value
  throw new InvalidArgumentError('give a URL as http://127.0.0.1:9411')
}

/** Reads an option's value as a name, which is not empty. */
export function nonEmpty(example: string): (value: string) => string {
  return (value) => {
    if (value.trim() !== '') return value
    throw new InvalidArgumentError(`give one as ${example}`)
  }
}
