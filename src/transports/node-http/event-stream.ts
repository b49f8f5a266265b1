import type { ServerResponse } from 'node:http'

const EVENT_STREAM = /^content-type: *text\/event-stream/im

/** Whether the response has begun to be a stream of events, which goes on until its reader has had enough. */
export function isEventStream(response: ServerResponse | undefined): boolean {
  if (!response?.headersSent) return false
  const type = response.getHeader('content-type')
  if (type !== undefined) return /^text\/event-stream/i.test(String(type))
  // Headers that were given to `writeHead` alone are kept nowhere else.
  return EVENT_STREAM.test(String((response as { _header?: unknown })._header))
}
