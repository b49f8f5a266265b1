import http from 'node:http'
import https from 'node:https'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

export interface Call {
  readonly method?: string
  readonly headers?: http.OutgoingHttpHeaders
  readonly body?: string
  readonly agent?: http.Agent
}

export interface Answer {
  readonly status: number
  /** Names as they came; without Date. */
  readonly headers: readonly string[]
  readonly body: string
}

/** One request, on a connection of its own unless it has an agent. */
export async function call(url: string, { body, ...options }: Call = {}): Promise<Answer> {
  const { request } = url.startsWith('https:') ? https : http
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    request(url, { agent: false, rejectUnauthorized: false, ...options })
      .on('response', resolve)
      .on('error', reject)
      .end(body)
  })
  const headers: string[] = []
  for (let i = 0; i < response.rawHeaders.length; i += 2) {
    if (response.rawHeaders[i] !== 'Date')
      headers.push(`${response.rawHeaders[i]}: ${response.rawHeaders[i + 1]}`)
  }
  return { status: response.statusCode!, headers, body: await text(response) }
}

/** Writes these bytes, and returns every byte that comes until the other end closes. */
export async function exchange(port: number, ...writes: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  for (const bytes of writes) socket.write(bytes)
  return (await text(socket)).replace(/^Date: .*\r\n/gm, '')
}
