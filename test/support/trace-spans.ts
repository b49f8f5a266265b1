import type { ZipkinSpan } from '#src/codec/zipkin-span.js'

export const TRACE_ID = '463ac35c9f6413ad48485a3953bb6124'
/** The time that every trace of the tests begins at, epoch microseconds. */
export const START = 1_700_000_000_000_000

/** A span of the one trace that tests are about; times in microseconds from its start. */
export function span(
  id: number,
  parent: number | undefined,
  service: string,
  name: string,
  at: number,
  duration: number,
  more: Partial<ZipkinSpan> = {},
): ZipkinSpan {
  return {
    traceId: TRACE_ID,
    id: hexId(id),
    ...(parent === undefined ? {} : { parentId: hexId(parent) }),
    name,
    timestamp: START + at,
    duration,
    localEndpoint: { serviceName: service },
    ...more,
  }
}

/** Both halves of a call that share an ID, as after B3. */
export function call(
  id: number,
  parent: number,
  [from, to]: [string, string],
  name: string,
  at: number,
  duration: number,
  tags?: { client?: Record<string, string>; server?: Record<string, string> },
): [ZipkinSpan, ZipkinSpan] {
  const clientMore: Partial<ZipkinSpan> = { kind: 'CLIENT' }
  const serverMore: Partial<ZipkinSpan> = { kind: 'SERVER', shared: true }
  if (tags?.client) clientMore.tags = tags.client
  if (tags?.server) serverMore.tags = tags.server
  return [
    span(id, parent, from, 'GET', at, duration, clientMore),
    span(id, parent, to, name, at + 400, duration - 800, serverMore),
  ]
}

export function hexId(n: number): string {
  return n.toString(16).padStart(16, '0')
}
