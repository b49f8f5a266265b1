import type { ZipkinSpan } from '../../../src/codec/zipkin-span.ts'
import type { TraceNode } from '../traces/trace-tree.ts'
import { type Fold, isNPlusOne } from './fold.ts'
import { durationText, plainText, type Terminal } from './terminal.ts'

/** What a line of a tree says of its operation. */
export interface Label {
  /** The service's name, with which `text` begins; empty where the line above says it. */
  readonly service: string
  readonly text: string
  /** What must not be cut: the status, the total, what is missing. */
  readonly end: string
  readonly isNPlusOne: boolean
}

/** Names what a line stands for: the service that was called, the operation there, the outcome. */
export function label(fold: Fold, terminal: Terminal, hasRoom: boolean): Label {
  const { nodes } = fold
  const [first] = nodes
  const { span, server } = first!
  if (!span) return { service: '', text: '(root not seen)', end: '', isNPlusOne: false }
  const show = (text: string | undefined): string => plainText(terminal, text ?? '')
  const arrow = terminal.unicode ? '→' : '->'
  const times = nodes.length > 1 ? `${terminal.unicode ? '×' : 'x'}${nodes.length} ` : ''

  const where = server ?? span
  const service =
    where.kind === 'CLIENT' || where.kind === 'PRODUCER'
      ? `${arrow} ${show(addressOf(span))}`
      : show(where.kind || fold.more.length === 0 ? where.localEndpoint?.serviceName : '')
  const text = `${service}${service && ' '}${times}${show(nameOf(span, server))}`.trimEnd()

  let end = statusOf(first!) ? ` ${show(statusOf(first!))}` : ''
  if (first!.missingParent) end += ' (parent not seen)'
  else if (span.shared) end += ' (caller not seen)'
  const flagged = isNPlusOne(fold)
  if (nodes.length > 1) end += `, ${durationText(total(nodes), terminal)} total`
  if (flagged) end += hasRoom ? ': N+1, one by one' : ': N+1'
  return { service, text, end, isNPlusOne: flagged }
}

/** What else went wrong, in the words of the spans: error messages that are not just the status. */
export function problems({ nodes }: Fold, terminal: Terminal): string[] {
  const said = new Set<string>()
  for (const { span, server } of nodes.slice(0, 1)) {
    for (const half of [server, span]) {
      const error = half?.tags?.['error']
      if (error && error !== half.tags?.['http.status_code'] && error !== 'true')
        said.add(plainText(terminal, error))
    }
  }
  return [...said]
}

/** Whether either half has an error. */
export function isFailed({ span, server }: TraceNode): boolean {
  return span?.tags?.['error'] !== undefined || server?.tags?.['error'] !== undefined
}

/** The server knows the route, the client mostly just the method. */
function nameOf(span: ZipkinSpan, server: ZipkinSpan | undefined): string {
  return server?.name || span.name || '(no name)'
}

function statusOf({ span, server }: TraceNode): string {
  const tag = 'http.status_code'
  const status = span?.tags?.[tag] ?? server?.tags?.[tag] ?? ''
  return status.startsWith('2') ? '' : status
}

function addressOf({ remoteEndpoint }: ZipkinSpan): string {
  const { serviceName, ipv4, ipv6, port } = remoteEndpoint ?? {}
  if (serviceName) return serviceName
  const address = ipv4 ?? (ipv6 && `[${ipv6}]`)
  if (!address) return ''
  return port ? `${address}:${port}` : address
}

function total(nodes: readonly TraceNode[]): number {
  return nodes.reduce((sum, { span }) => sum + (span?.duration ?? 0), 0)
}
