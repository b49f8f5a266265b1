import { type TraceNode, traceNodes } from '../traces/trace-tree.ts'

/** One line of a printed tree: an operation, or equal ones that follow one another. */
export interface Fold {
  readonly nodes: readonly TraceNode[]
  /** For each level above, whether more lines of that level follow; the last is the fold's own. */
  readonly more: readonly boolean[]
}

/**
 * The lines of a tree from the root down. Siblings that follow one another and are equal in name, service, outcome
 * and everything beneath them are one line.
 */
export function* folds(root: TraceNode): Generator<Fold> {
  const shapes = shapesOf(root)
  const pending: Fold[] = [{ nodes: [root], more: [] }]
  for (let fold = pending.pop(); fold; fold = pending.pop()) {
    yield fold
    const below = groupChildren(fold.nodes, shapes)
    for (let i = below.length - 1; i >= 0; i--) {
      pending.push({ nodes: below[i]!, more: [...fold.more, i < below.length - 1] })
    }
  }
}

/** Five calls or more, each begun after the one before had ended: what should have been one call. */
export function isNPlusOne({ nodes }: Fold): boolean {
  if (nodes.length < 5) return false
  return nodes.every(({ span }, i) => {
    if (span?.kind !== 'CLIENT' || span.timestamp === undefined) return false
    const before = nodes[i - 1]?.span
    return !before || before.timestamp! + (before.duration ?? 0) <= span.timestamp
  })
}

/** The nodes of a fold have the same children, place by place. */
function groupChildren(nodes: readonly TraceNode[], shapes: Map<TraceNode, number>): TraceNode[][] {
  const groups: TraceNode[][] = []
  let shape: number | undefined
  for (const [place, child] of nodes[0]!.children.entries()) {
    if (shapes.get(child) !== shape) groups.push([])
    // One by one: as arguments of one `push` a hundred thousand overflow the stack.
    for (const node of nodes) groups.at(-1)!.push(node.children[place]!)
    shape = shapes.get(child)
  }
  return groups
}

/** A number for each node, equal where the nodes look equal, with all that is beneath them. */
function shapesOf(root: TraceNode): Map<TraceNode, number> {
  const shapes = new Map<TraceNode, number>()
  const numbers = new Map<string, number>()
  for (const node of [...traceNodes(root)].reverse()) {
    const key = JSON.stringify([
      ...look(node.span),
      ...look(node.server),
      node.missingParent ?? '',
      node.children.map((child) => shapes.get(child)),
    ])
    const number = numbers.get(key) ?? numbers.size
    numbers.set(key, number)
    shapes.set(node, number)
  }
  return shapes
}

function look(span: TraceNode['span']): (string | undefined)[] {
  const { kind, name, localEndpoint, remoteEndpoint, tags } = span ?? {}
  return [
    kind,
    name,
    localEndpoint?.serviceName,
    remoteEndpoint?.serviceName,
    tags?.['http.status_code'],
    tags?.['error'],
  ]
}
