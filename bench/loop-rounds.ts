import { Child } from './child.ts'
import type { Rounds } from './figure.ts'
import type { NodeBinary } from './node-binary.ts'
import type { Effort } from './scenarios/scenario.ts'

/** Where a loop is: the compiled file that serves it, and its name there. */
export type LoopPlace = readonly [file: string, name: string]

/**
 * Runs loops in turn, A B C A B C, each in a process of its own, and returns the CPU microseconds per operation
 * that every round took. Each generation is of fresh processes, warmed up.
 */
export async function loopRounds<L extends string>(
  loops: Readonly<Record<L, LoopPlace>>,
  node: NodeBinary,
  { generations, warmUps, rounds, operations }: Effort,
  env: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<L, Rounds>>> {
  const labels = Object.keys(loops) as L[]
  const cpu = Object.fromEntries(labels.map((label) => [label, [] as number[]])) as Record<L, number[]>
  for (let generation = 0; generation < generations; generation++) {
    const children = labels.map((label) => new Child(loops[label][0], { node, env }))
    const round = async (record: boolean): Promise<void> => {
      for (const [i, label] of labels.entries()) {
        const question = { ask: 'loop', name: loops[label][1], operations }
        const value = await children[i]!.ask<number>(question)
        if (record) cpu[label].push(value)
      }
    }
    try {
      for (let i = 0; i < warmUps; i++) await round(false)
      for (let i = 0; i < rounds; i++) await round(true)
    } finally {
      await Promise.all(children.map((child) => child.stop()))
    }
  }
  return cpu
}
