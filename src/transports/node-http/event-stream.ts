import type { ServerResponse } from 'node:http'

const EVENT_STREAM = /^content-type: *text\/event-stream/im

/**
 * Whether the response is a stream of events (`text/event-stream`) that has begun: it goes on until its reader leaves.
 */
export function isEventStream(response: ServerResponse | undefined): boolean {
  if (!response?.headersSent) return false
  const type = response.getHeader('content-type')
  if (type !== undefined) return /^text\/event-stream/i.test(String(type))
  // Headers that were given to `writeHead` alone are kept nowhere else.
  return EVENT_STREAM.test(String((response as { _header?: unknown })._header))
}
