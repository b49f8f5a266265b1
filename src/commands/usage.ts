import { parseArgs, type ParseArgsConfig } from 'node:util'

/** A command given wrongly: its message is the one line to say. The exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

type Options = NonNullable<ParseArgsConfig['options']>
type Values<O extends Options> = ReturnType<typeof parseArgs<{ options: O; strict: true }>>['values']

/** Node's parseArgs, with a UsageError of one line that names the command and its help. */
export function parseOptions<const O extends Options>(
  command: string,
  args: string[],
  options: O,
): Values<O> {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values
  } catch (error) {
    const [said] = (error as Error).message.split(/\. |\n/)
    throw new UsageError(`${said!.replace(/\.$/, '')}; see ${command} --help`, { cause: error })
  }
}

/** A whole number within bounds, or a UsageError that says what is wanted. */
export function wholeNumber(option: string, value: string, least: number, most: number): number {
  const number = Number(value)
  if (/^\d+$/.test(value) && number >= least && number <= most) return number
  throw new UsageError(`${option} is ${value}; give a whole number from ${least} to ${most}`)
}
