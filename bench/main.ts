import { writeFileSync } from 'node:fs'
import { ArgumentError, readArguments, type Arguments } from './arguments.ts'
import { nodeBinary } from './node-binary.ts'
import type { Measured } from './row.ts'
import { SCENARIOS } from './scenarios/all.ts'
import type { Effort } from './scenarios/scenario.ts'
import { table } from './table.ts'

const FULL: Effort = {
  generations: 3,
  warmUps: 8,
  rounds: 8,
  requests: 2000,
  operations: 100_000,
  starts: 21,
  soakRequests: 1_000_000,
  outageSeconds: 60,
}
const QUICK: Effort = {
  generations: 1,
  warmUps: 1,
  rounds: 2,
  requests: 500,
  operations: 20_000,
  starts: 3,
  soakRequests: 50_000,
  outageSeconds: 10,
}

const NAMES = SCENARIOS.map(({ name }) => name)
const USAGE = `usage: npm run bench [-- NAME …] [--json FILE] [--quick] [--nodes 20,24]
  NAME     ${NAMES.join(', ')}; all when none is given
  --json   also write the rows to a file, as an array of objects
  --quick  a smoke run: that everything can be measured, not what it costs
  --nodes  the major versions of Node to measure under, from .cache/node-<major>`

/** Runs what the command line asks for; returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  let asked: Arguments
  let nodes
  try {
    asked = readArguments(args, NAMES)
    nodes = asked.nodes.length ? asked.nodes.map(nodeBinary) : [nodeBinary()]
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error
    console.error(`bench: ${error.message}`)
    return 2
  }
  if (asked.help) {
    console.log(USAGE)
    return 0
  }

  const scenarios = SCENARIOS.filter(({ name }) => !asked.names.length || asked.names.includes(name))
  const measured: Measured[] = []
  let failed = false
  for (const node of nodes) {
    for (const scenario of scenarios) {
      console.error(`bench: ${scenario.name} on Node ${node.version} …`)
      const outcome = await scenario.run(node, asked.quick ? QUICK : FULL)
      measured.push(...outcome.measured)
      if (outcome.error === undefined) continue
      failed = true
      console.error(`bench: ${scenario.name} could not be measured: ${reasons(outcome.error)}`)
    }
  }

  console.log(table(measured))
  if (asked.quick) console.log('\nA smoke run: the figures say that the bench works, and nothing else.')
  if (asked.json) {
    const rows = measured.map(({ row }) =>
      asked.quick ? { ...row, against: `${row.against} (smoke run)` } : row,
    )
    writeFileSync(asked.json, JSON.stringify(rows, undefined, 2) + '\n')
  }
  return failed ? 1 : 0
}

/** An error and what caused it, in one line. */
function reasons(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${reasons(error.cause)}`
}

process.exitCode = await main(process.argv.slice(2))
