import { pathToFileURL } from 'node:url'
import { runOnce } from '../child.ts'
import { exactly, figureOf } from '../figure.ts'
import type { NodeBinary } from '../node-binary.ts'
import { compiled } from '../paths.ts'
import { atMost } from '../row.ts'
import { startOptions, startRounds, type StartCost, type Started } from '../start-rounds.ts'
import { scenario } from './scenario.ts'

interface Measured {
  readonly cost: StartCost
  readonly patched: readonly string[]
}

/** What is left of `--import tdist/register` under `TDIST_DISABLED=1`. */
export const disabled = scenario<Measured>(
  'disabled',
  () => [
    {
      name: 'disabled: CPU that tdist adds',
      unit: 'ms CPU',
      goal: atMost(1),
      against: 'a start that preloads an empty file',
      figure: ({ cost }) => figureOf(cost.cpuMs),
    },
    {
      name: 'disabled: memory that tdist adds',
      unit: 'MB RSS',
      against: 'a start that preloads an empty file',
      figure: ({ cost }) => figureOf(cost.rssMb),
    },
    {
      name: 'disabled: patched, listened to, subscribed',
      unit: 'places',
      goal: atMost(0),
      against: 'the process before the import',
      figure: ({ patched }) => exactly(patched.length),
    },
  ],
  async (node, { starts }) => {
    // The count means something only where it finds what is there to be found.
    if ((await patchedBy('tdist', node)).length === 0)
      throw new Error('tdist, switched on, was not seen to patch')
    const patched = await patchedBy('tdist disabled', node)
    if (patched.length > 0) console.error(`bench: although disabled, changed: ${patched.join(', ')}`)
    const cost = await startRounds(['tdist disabled'], node, starts)
    return { cost: cost['tdist disabled'], patched }
  },
)

async function patchedBy(variant: Started, node: NodeBinary): Promise<readonly string[]> {
  const options = startOptions(variant, node)
  const imports = [pathToFileURL(compiled('measured/snapshot.js')).href, ...options.imports]
  const { changed } = await runOnce<{ changed: string[] }>('measured/patched.js', { ...options, imports })
  return changed
}
