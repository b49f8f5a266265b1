import type { ZipkinSpan } from '../../../src/codec/zipkin-span.ts'
import { mergeSpans } from './merge-spans.ts'

/** One operation of a trace: a local span, or a call with both of its halves. */
export interface TraceNode {
  /** The caller's half; the server's, where no caller reported one. Undefined only in a root made up. */
  readonly span: ZipkinSpan | undefined
  /** The server's half of the call, where the caller's is `span`. */
  readonly server: ZipkinSpan | undefined
  /** The parent that `span` names, when no span of the trace has that ID. */
  readonly missingParent: string | undefined
  /** What it called, in the order of their start. */
  readonly children: readonly TraceNode[]
}

/** One trace, as far as it was reported. */
export interface TraceTree {
  readonly traceId: string
  /** The root. It has no span when the trace's own was not reported. */
  readonly root: TraceNode
  /** How many spans it has, duplicates counted once. */
  readonly spans: number
  /** IDs that are named as parent and that no span has. */
  readonly missingParents: readonly string[]
  /** IDs of server halves that share an ID whose client's half was not reported. */
  readonly missingClients: readonly string[]
  /** Whether there is one root, nothing is missing, and no span is its own ancestor. */
  readonly whole: boolean
}

interface Node {
  span: ZipkinSpan | undefined
  server: ZipkinSpan | undefined
  missingParent: string | undefined
  children: Node[]
}

/**
 * Makes a tree of the spans of one trace, whatever is missing, doubled or contradictory in them. Spans without a
 * known parent hang on the root. Times are left as each host reported them; a correction of clock skew belongs
 * between the joining of halves and the sorting of children.
 */
export function traceTree(spans: readonly ZipkinSpan[]): TraceTree {
  const merged = mergeSpans(spans)
  const missingClients: string[] = []
  const byId = new Map<string, Node[]>()
  const byService = new Map<string, Node>()
  for (const [id, group] of groupById(merged)) {
    const nodes = nodesOf(group)
    byId.set(id, nodes)
    for (const node of nodes) if (node.span!.shared) addFirst(byService, serviceKey(id, node.span!), node)
    if (group.every((span) => span.shared)) missingClients.push(id)
  }

  const parents = new Map<Node, Node>()
  const missingParents = new Set<string>()
  const roots: Node[] = []
  const orphans: Node[] = []
  for (const [main, ...others] of byId.values()) {
    for (const other of others) parents.set(other, main!)
    const parentId = main!.span!.parentId
    if (parentId === undefined) {
      roots.push(main!)
      continue
    }
    // Where several servers shared an ID, a child belongs to the one in its own service.
    const parent = byService.get(serviceKey(parentId, main!.span!)) ?? byId.get(parentId)?.[0]
    if (parent) {
      parents.set(main!, parent)
    } else {
      main!.missingParent = parentId
      missingParents.add(parentId)
      orphans.push(main!)
    }
  }
  const looped = cutLoops(parents)
  for (const [child, parent] of parents) parent.children.push(child)

  roots.sort(byStart)
  const root = roots[0] ?? emptyNode()
  root.children = root.children.concat(roots.slice(1), orphans, looped)
  for (const node of everyNode(root)) joinServerChild(node)
  for (const node of everyNode(root)) node.children.sort(byStart)

  return {
    traceId: merged[0]?.traceId ?? '',
    root,
    spans: merged.length,
    missingParents: [...missingParents],
    missingClients,
    whole: roots.length === 1 && missingParents.size + missingClients.length + looped.length === 0,
  }
}

/** Every node from `root` down, each before its children. Does not recurse: a trace may be deeper than the stack. */
export function traceNodes(root: TraceNode): Iterable<TraceNode> {
  return everyNode(root)
}

function* everyNode<N extends { readonly children: readonly N[] }>(root: N): Generator<N> {
  const pending = [root]
  for (let node = pending.pop(); node; node = pending.pop()) {
    yield node
    for (let i = node.children.length - 1; i >= 0; i--) pending.push(node.children[i]!)
  }
}

function groupById(spans: readonly ZipkinSpan[]): Map<string, ZipkinSpan[]> {
  const groups = new Map<string, ZipkinSpan[]>()
  for (const span of spans) {
    const group = groups.get(span.id)
    if (group) group.push(span)
    else groups.set(span.id, [span])
  }
  return groups
}

/** The halves of one call are one node. Where several servers answered to one ID, each is a node of its own. */
function nodesOf(group: readonly ZipkinSpan[]): Node[] {
  const [first, second] = group
  if (group.length === 2 && !first!.shared && second!.shared) return [{ ...emptyNode(first), server: second }]
  return group.map(emptyNode)
}

function emptyNode(span?: ZipkinSpan): Node {
  return { span, server: undefined, missingParent: undefined, children: [] }
}

function serviceKey(id: string, { localEndpoint }: ZipkinSpan): string {
  return `${id} ${localEndpoint?.serviceName ?? ''}`
}

function addFirst<K, V>(map: Map<K, V>, key: K, value: V): void {
  if (!map.has(key)) map.set(key, value)
}

/** Takes one link out of every loop, that of the span which began first; returns the nodes so freed. */
function cutLoops(parents: Map<Node, Node>): Node[] {
  const freed: Node[] = []
  const settled = new Set<Node>()
  for (const start of parents.keys()) {
    const path = new Set<Node>()
    let node: Node | undefined = start
    while (node && !settled.has(node) && !path.has(node)) {
      path.add(node)
      node = parents.get(node)
    }
    if (node && path.has(node)) {
      const loop = [...path].slice([...path].indexOf(node)).sort(byStart)
      parents.delete(loop[0]!)
      freed.push(loop[0]!)
    }
    for (const seen of path) settled.add(seen)
  }
  return freed
}

/** Joins the server's half where it is its client's child, as after W3C's headers, and is the only one. */
function joinServerChild(node: Node): void {
  if (node.span?.kind !== 'CLIENT' || node.server) return
  const servers = node.children.filter(({ span }) => span?.kind === 'SERVER')
  const server = servers[0]
  if (!server || servers.length > 1) return
  node.server = server.span
  node.children = node.children.filter((child) => child !== server).concat(server.children)
}

function byStart(a: Node, b: Node): number {
  return startOf(a) - startOf(b)
}

function startOf({ span, server }: Node): number {
  return span?.timestamp ?? server?.timestamp ?? 0
}
