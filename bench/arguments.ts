import { parseArgs } from 'node:util'

/** What the command line asks for. */
export interface Arguments {
  /** The scenarios to run, by name; all when empty. */
  readonly names: readonly string[]
  readonly json: string | undefined
  readonly quick: boolean
  /** Major versions of Node; the running one when empty. */
  readonly nodes: readonly number[]
  readonly help: boolean
}

/** A wrong argument: said in one line, with exit code 2. */
export class ArgumentError extends Error {
  override readonly name = 'ArgumentError'
}

/** Reads the command line; throws {@link ArgumentError} at what it doesn't know. */
export function readArguments(args: readonly string[], known: readonly string[]): Arguments {
  const { values, positionals } = parse(args)
  for (const name of positionals) {
    if (!known.includes(name)) {
      throw new ArgumentError(`no scenario is named ${name}; use one or more of ${known.join(', ')}`)
    }
  }
  const nodes = values.nodes?.split(',') ?? []
  if (nodes.some((node) => !/^\d+$/.test(node))) {
    throw new ArgumentError(`--nodes is ${values.nodes}; give major versions, as in 20,24`)
  }
  return {
    names: positionals,
    json: values.json,
    quick: values.quick ?? false,
    nodes: nodes.map(Number),
    help: values.help ?? false,
  }
}

// oxlint-disable-next-line typescript/explicit-function-return-type -- parseArgs infers it from its options
function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'string' },
        quick: { type: 'boolean' },
        nodes: { type: 'string' },
        help: { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new ArgumentError((error as Error).message)
  }
}
