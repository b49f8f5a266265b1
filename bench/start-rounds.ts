import { runOnce } from './child.ts'
import { above, type Rounds } from './figure.ts'
import type { NodeBinary } from './node-binary.ts'
import { importsOf } from './variants.ts'

/** What an import costs a start, above that of an empty file: CPU in milliseconds, resident memory in megabytes. */
export interface StartCost {
  readonly cpuMs: Rounds
  readonly rssMb: Rounds
}

/** What is imported at the start that is measured: a tracer, or only `node:http`. */
export type Started = 'empty' | 'tdist' | 'tdist disabled' | 'opentelemetry' | 'http'

type Usage = Readonly<Record<keyof StartCost, number>>

/** Starts a process that does nothing, with an empty file imported and with each of `variants`, in turn and so many times. */
export async function startRounds<V extends Started>(
  variants: readonly V[],
  node: NodeBinary,
  starts: number,
): Promise<Readonly<Record<V, StartCost>>> {
  const empty: Usage[] = []
  const usages = Object.fromEntries(variants.map((variant) => [variant, [] as Usage[]])) as Record<V, Usage[]>
  // The first start of each reads its files from the disk.
  for (let i = -1; i < starts; i++) {
    const base = await runOnce<Usage>('measured/usage.js', startOptions('empty', node))
    if (i >= 0) empty.push(base)
    for (const variant of variants) {
      const usage = await runOnce<Usage>('measured/usage.js', startOptions(variant, node))
      if (i >= 0) usages[variant].push(usage)
    }
  }
  const cost = (variant: V, what: keyof StartCost): Rounds =>
    above(
      usages[variant].map((usage) => usage[what]),
      empty.map((usage) => usage[what]),
    )
  const entries = variants.map((variant) => [
    variant,
    { cpuMs: cost(variant, 'cpuMs'), rssMb: cost(variant, 'rssMb') },
  ])
  return Object.fromEntries(entries) as Record<V, StartCost>
}

/** How a process is started with a tracer that has everything on, or is switched off. */
export function startOptions(variant: Started, node: NodeBinary) {
  return {
    node,
    imports: importsOf(variant),
    env: {
      BENCH_ZIPKIN_URL: 'http://127.0.0.1:9411/api/v2/spans',
      TDIST_SERVICE_NAME: 'bench',
      TDIST_SENDER: 'http',
      ...(variant === 'tdist disabled' ? { TDIST_DISABLED: '1' } : {}),
    },
  }
}
