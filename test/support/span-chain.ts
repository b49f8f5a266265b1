import assert from 'node:assert/strict'
import type { ZipkinSpan } from 'tdist'

/** One trace: each span is the parent of the next, the first has none. */
export function assertChain(spans: readonly ZipkinSpan[], names: readonly string[]): void {
  assert.equal(spans.length, names.length)
  const chain: (string | undefined)[] = []
  let parent: ZipkinSpan | undefined
  for (;;) {
    const next: ZipkinSpan | undefined = spans.find(({ parentId }) => parentId === parent?.id)
    if (next === undefined) break
    assert.equal(next.traceId, spans[0]!.traceId)
    chain.push(next.name)
    parent = next
  }
  assert.deepEqual(chain, names)
}
