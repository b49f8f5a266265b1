import { assumeOurs } from '../../tracing/assume-ours.ts'
import type { Tracing } from '../../tracing/tracing.ts'
import { calling } from '../hooks/calling.ts'
import { callsTracedBy } from '../http-clients/client-calls.ts'
import { TRACED } from '../hooks/traced-mark.ts'
import { tracedOnce } from '../hooks/traced-once.ts'
import { followUndiciCalls } from './channels.ts'

type Fetch = (this: never, ...args: never[]) => Promise<unknown>

/**
 * Returns a `fetch`, Node's own or undici's, traced: each request that it sends is a CLIENT span, and so is each
 * redirect that it follows. Arguments, results and rejections are its own, and so is what hangs on it. A fetch that
 * does not stand on undici has no spans. Where a fetch waits for a connection of a bounded dispatcher of undici 6 or 7,
 * use `traceUndici` on that dispatcher. Never throws.
 */
export function traceFetch<F extends Fetch>(tracing: Tracing, fetch: F): F {
  assumeOurs(tracing)
  return tracedOnce(tracing, 'fetch', fetch, () => {
    followUndiciCalls()
    return calling(fetch, (self, args) => callsTracedBy(tracing, fetch, self, args), TRACED)
  })
}
