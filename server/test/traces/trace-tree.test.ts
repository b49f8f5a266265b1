import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ZipkinSpan } from '#src/codec/zipkin-span.js'
import { type TraceNode, traceNodes, traceTree } from '#server/traces/trace-tree.js'
import { call, hexId, span } from '../../../test/support/trace-spans.js'

/** A tree as nested names; a call's halves are joined by a plus sign. */
type Names = [string, ...Names[]]

function names(node: TraceNode): Names {
  const own = node.server ? `${node.span?.name}+${node.server.name}` : (node.span?.name ?? '?')
  return [own, ...node.children.map(names)]
}

function backwards(spans: ZipkinSpan[]): ZipkinSpan[] {
  return [...spans].reverse()
}

const root = span(1, undefined, 'shop', 'GET /cart', 0, 9000, { kind: 'SERVER' })

describe('traceTree', () => {
  it('joins the halves of a call that share an ID, in whatever order they came', () => {
    const spans = [root, ...call(2, 1, ['shop', 'catalog'], 'GET /items', 1000, 3000)]
    for (const order of [spans, backwards(spans)]) {
      const tree = traceTree(order)
      assert.deepEqual(names(tree.root), ['GET /cart', ['GET+GET /items']])
      assert.equal(tree.spans, 3)
      assert.equal(tree.whole, true)
    }
  })

  it("joins a server that is its client's child, and gives the call its children", () => {
    const spans = [
      root,
      span(2, 1, 'shop', 'GET', 1000, 3000, { kind: 'CLIENT' }),
      span(3, 2, 'catalog', 'GET /items', 1400, 2200, { kind: 'SERVER' }),
      span(4, 3, 'catalog', 'query', 1500, 100),
      span(5, 2, 'shop', 'dns', 1100, 100),
    ]
    const tree = traceTree(backwards(spans))
    assert.deepEqual(names(tree.root), ['GET /cart', ['GET+GET /items', ['dns'], ['query']]])
    assert.equal(tree.whole, true)
  })

  it('leaves several servers of one client apart, as after retries beneath it', () => {
    const spans = [
      root,
      span(2, 1, 'shop', 'GET', 1000, 3000, { kind: 'CLIENT' }),
      span(3, 2, 'catalog', 'first', 1400, 200, { kind: 'SERVER' }),
      span(4, 2, 'catalog', 'second', 1800, 200, { kind: 'SERVER' }),
    ]
    assert.deepEqual(names(traceTree(spans).root), ['GET /cart', ['GET', ['first'], ['second']]])
  })

  it('hangs a child on the server in its own service where several share an ID', () => {
    const spans = [
      root,
      span(2, 1, 'shop', 'GET', 1000, 3000, { kind: 'CLIENT' }),
      span(2, 1, 'one', 'at one', 1400, 200, { kind: 'SERVER', shared: true }),
      span(2, 1, 'two', 'at two', 1800, 200, { kind: 'SERVER', shared: true }),
      span(3, 2, 'two', 'query', 1900, 50),
    ]
    assert.deepEqual(names(traceTree(spans).root), ['GET /cart', ['GET', ['at one'], ['at two', ['query']]]])
  })

  it('counts what was delivered twice once, and merges what came in pieces', () => {
    const spans = [root, ...call(2, 1, ['shop', 'catalog'], 'GET /items', 1000, 3000)]
    const { name: _name, ...early } = root
    const tree = traceTree([...spans, ...spans, { ...early, tags: { user: 'ann' } }])
    assert.equal(tree.spans, 3)
    assert.equal(tree.root.span?.name, 'GET /cart')
    assert.deepEqual(tree.root.span?.tags, { user: 'ann' })
    assert.equal(tree.whole, true)
  })

  it('marks and places a server half that neither says that it shares nor knows its parent', () => {
    const [client, server] = call(2, 1, ['shop', 'catalog'], 'GET /items', 1000, 3000)
    const { shared: _shared, parentId: _parentId, ...bare } = server
    const tree = traceTree([bare, client, root])
    assert.deepEqual(names(tree.root), ['GET /cart', ['GET+GET /items']])
    assert.equal(tree.root.children[0]?.server?.shared, true)
    assert.equal(tree.root.children[0]?.server?.parentId, hexId(1))
  })

  it('keeps apart the halves of a service that calls itself, though no half is marked', () => {
    const [client, server] = call(2, 1, ['shop', 'shop'], 'GET /self', 1000, 3000)
    const { shared: _shared, ...bare } = server
    assert.deepEqual(names(traceTree([bare, client, root]).root), ['GET /cart', ['GET+GET /self']])
  })

  it('takes the longest trace ID of those that its services reported', () => {
    const [client, server] = call(2, 1, ['shop', 'catalog'], 'GET /items', 1000, 3000)
    const tree = traceTree([{ ...server, traceId: server.traceId.slice(16) }, client, root])
    assert.equal(tree.traceId, root.traceId)
    assert.equal(tree.spans, 3)
  })

  it('makes up a root where none was reported, and names the parents that are missing', () => {
    const spans = [span(3, 2, 'catalog', 'b', 2000, 10), span(4, 2, 'catalog', 'a', 1000, 10)]
    const tree = traceTree(spans)
    assert.deepEqual(names(tree.root), ['?', ['a'], ['b']])
    assert.deepEqual(tree.missingParents, [hexId(2)])
    assert.equal(tree.whole, false)
  })

  it('hangs a span whose parent is missing on the root, and says so', () => {
    const tree = traceTree([root, span(3, 2, 'catalog', 'query', 2000, 10)])
    assert.deepEqual(names(tree.root), ['GET /cart', ['query']])
    assert.equal(tree.root.children[0]?.missingParent, hexId(2))
    assert.equal(tree.whole, false)
  })

  it('names a shared span whose caller was not reported', () => {
    const [, server] = call(2, 1, ['shop', 'catalog'], 'GET /items', 1000, 3000)
    const tree = traceTree([root, server])
    assert.deepEqual(names(tree.root), ['GET /cart', ['GET /items']])
    assert.deepEqual(tree.missingClients, [hexId(2)])
    assert.equal(tree.whole, false)
  })

  it('hangs further roots on the one that began first', () => {
    const tree = traceTree([
      span(9, undefined, 'cron', 'late', 500, 1),
      root,
      span(2, 9, 'cron', 'job', 600, 1),
    ])
    assert.deepEqual(names(tree.root), ['GET /cart', ['late', ['job']]])
    assert.equal(tree.whole, false)
  })

  it('survives spans that are their own parents or ancestors', () => {
    const self = span(5, 5, 'shop', 'self', 50, 1)
    const looped = [
      span(6, 8, 'shop', 'x', 60, 1),
      span(7, 6, 'shop', 'y', 70, 1),
      span(8, 7, 'shop', 'z', 80, 1),
    ]
    const tree = traceTree([root, self, ...looped])
    assert.deepEqual(names(tree.root), ['GET /cart', ['self'], ['x', ['y', ['z']]]])
    assert.equal(tree.whole, false)
    assert.deepEqual(names(traceTree(looped).root), ['?', ['x', ['y', ['z']]]])
  })

  it('orders children by when they began, those without a time first, and leaves skewed clocks alone', () => {
    const { timestamp: _timestamp, ...untimed } = span(5, 1, 'shop', 'untimed', 0, 1)
    const tree = traceTree([
      root,
      span(2, 1, 'shop', 'second', 200, 1),
      span(3, 1, 'shop', 'first', 100, 1),
      span(4, 1, 'far', 'before its parent', -5000, 1),
      untimed,
    ])
    assert.deepEqual(names(tree.root), [
      'GET /cart',
      ['untimed'],
      ['before its parent'],
      ['first'],
      ['second'],
    ])
  })

  it('does not change the spans it is given', () => {
    const spans = [
      root,
      ...call(2, 1, ['shop', 'catalog'], 'GET /items', 1000, 3000),
      { ...root, tags: { a: 'b' } },
    ]
    const before = structuredClone(spans)
    traceTree(spans)
    assert.deepEqual(spans, before)
  })

  it('makes trees as deep and as wide as they come', () => {
    const deep = Array.from({ length: 10_000 }, (_, i) => span(i + 1, i || undefined, 'shop', `${i}`, i, 1))
    let depth = 0
    for (let node = traceTree(deep).root; node.children[0]; node = node.children[0]) depth++
    assert.equal(depth, 9999)

    const wide = Array.from({ length: 150_000 }, (_, i) => span(i + 2, 1, 'shop', 'x', i, 1))
    assert.equal(traceTree([root, ...wide]).root.children.length, 150_000)
    const orphans = traceTree(wide)
    assert.equal([...traceNodes(orphans.root)].length, 150_001)
  })

  it('makes an empty tree of nothing', () => {
    const tree = traceTree([])
    assert.equal(tree.spans, 0)
    assert.equal(tree.whole, false)
    assert.deepEqual(names(tree.root), ['?'])
  })
})
