import type { Tracing } from '../../tracing/tracing.ts'
import { calling } from '../hooks/calling.ts'
import { callsTracedBy } from '../http-clients/client-calls.ts'
import { TRACED } from '../hooks/traced-mark.ts'
import { tracedOnce } from '../hooks/traced-once.ts'
import { followUndiciCalls } from './channels.ts'

type Fetch = (this: never, ...args: never[]) => Promise<unknown>

/**
 * A `fetch`, Node's own or undici's, with a span for each request that it sends: one for each redirect it follows.
 * Arguments, results and rejections are its own, and so is what hangs on it. A fetch that does not stand on undici is
 * not traced; one that waits for a connection of a bounded dispatcher of undici 6 or 7 needs `traceUndici` on that
 * dispatcher.
 */
export function traceFetch<F extends Fetch>(tracing: Tracing, fetch: F): F {
  return tracedOnce(tracing, 'fetch', fetch, () => {
    followUndiciCalls()
    return calling(fetch, (self, args) => callsTracedBy(tracing, fetch, self, args), TRACED)
  })
}
