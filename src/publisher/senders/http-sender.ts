import type { Encoding } from '../../codec/encoder.ts'
import { describe } from '../../host/log.ts'
import { HttpPool } from './http-pool.ts'
import { SendError, type Outcome, type Sender, type SpanRecord } from './sender.ts'

export interface HttpSenderOptions {
  /** The URL where the collector takes spans. Default `http://127.0.0.1:9411/api/v2/spans`. */
  readonly url?: string | undefined
  /** How spans are encoded. Default `proto3`, which every Zipkin since 2.8 reads. */
  readonly encoding?: Encoding | undefined
  /** How long a POST may take, in milliseconds. Default 6000. */
  readonly timeoutMs?: number | undefined
  /** More headers for every POST. Default none. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Whether the bodies are compressed. Default false. */
  readonly gzip?: boolean | undefined
}

const CONTENT_TYPES: Readonly<Record<Encoding, string>> = {
  proto3: 'application/x-protobuf',
  json: 'application/json',
}
const CONNECT_MS = 2000
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * Posts spans to a Zipkin collector: https://zipkin.io/zipkin-api/#/default/post_spans. After an answer 2xx they are
 * sent (Zipkin answers 202), unless a web page comes with it: then it was no collector that answered, and the spans are
 * in doubt. After 408 and 429 they are sent again, more slowly; after 5xx and a broken connection they are sent again.
 * Any other answer rejects them, a redirect too. Throws an Error when an option is wrong.
 */
export function httpSender(options: HttpSenderOptions = {}): Sender {
  const { encoding = 'proto3', timeoutMs = 6000 } = options
  const url = readUrl(options.url ?? 'http://127.0.0.1:9411/api/v2/spans')
  if (!Object.hasOwn(CONTENT_TYPES, encoding)) {
    throw new Error(`tdist: the encoding of httpSender must be 'proto3' or 'json', not ${String(encoding)}`)
  }
  if (!(timeoutMs >= 1)) {
    throw new Error(`tdist: timeoutMs of httpSender must be at least 1, not ${String(timeoutMs)}`)
  }
  const headers: Record<string, string> = { 'content-type': CONTENT_TYPES[encoding] }
  if (options.gzip) headers['content-encoding'] = 'gzip'
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (!HEADER_NAME.test(name) || typeof value !== 'string' || !HEADER_VALUE.test(value)) {
      throw new Error(
        `tdist: httpSender cannot send the header ${JSON.stringify(name)}: check its name and value`,
      )
    }
    headers[name.toLowerCase()] = value
  }
  if ((url.username || url.password) && headers['authorization'] === undefined) {
    const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
    headers['authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`
  }
  const pool = new HttpPool(Math.min(CONNECT_MS, timeoutMs), timeoutMs)
  const asked = `POST ${url.origin}${url.pathname}`
  const target = {
    protocol: url.protocol,
    // An IPv6 address has brackets in a URL only.
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? undefined : Number(url.port),
    path: url.pathname + url.search,
    method: 'POST',
  }

  async function post({ bytes }: SpanRecord): Promise<Outcome> {
    const body = options.gzip ? await compress(bytes) : bytes
    const length = String(body.byteLength)
    const answer = await pool
      .request({ ...target, headers: { ...headers, 'content-length': length }, body })
      .catch((error: unknown) => {
        const outcome = error instanceof SendError ? error.outcome : 'failed'
        throw new SendError(`${asked}: ${describe(error)}`, outcome, { cause: error })
      })
    const { status } = answer
    if (status === 408 || status === 429) return 'throttled'
    const isPage = /^text\/html\b/i.test(answer.headers['content-type'] ?? '')
    if (status >= 200 && status < 300) {
      if (!isPage) return 'sent'
      throw new SendError(
        `${asked} answered ${status} with a web page; is a login or a proxy in the way?`,
        'in doubt',
      )
    }
    const said = isPage ? '' : answer.body.toString('utf8', 0, 800).slice(0, 200).trim()
    const to = answer.headers.location === undefined ? '' : ` to ${answer.headers.location}`
    const message = `${asked} answered ${status}${to}${said && `: ${said}`}${remedy(status)}`
    throw new SendError(message, status >= 500 ? 'failed' : 'rejected')
  }

  return {
    encoding,
    maxRecordBytes: 500_000,
    maxRecords: 1,
    maxCallBytes: 500_000,
    // Zipkin takes two spans of the same IDs for halves of one.
    atLeastOnce: true,
    recipe: { kind: 'http', options },
    send: async (records) => Promise.all(records.map(post)),
    close: () => pool.close(),
  }
}

/** What to do about an answer that will be the same next time. */
function remedy(status: number): string {
  // Never followed: of a POST it makes a GET, and its body may be anyone's.
  if (status >= 300 && status < 400) return "; give the collector's own URL"
  if (status === 401 || status === 403) return '; check its credentials'
  if (status === 404 || status === 405) return '; is that where the collector takes spans?'
  return ''
}

function compress(bytes: Uint8Array): Promise<Buffer> {
  const { gzip } = process.getBuiltinModule('node:zlib')
  return new Promise((resolve, reject) => {
    gzip(bytes, (error, zipped) => (error ? reject(error) : resolve(zipped)))
  })
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  // A Zipkin server's address alone means where it takes spans.
  if (url?.pathname === '/') url.pathname = '/api/v2/spans'
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new Error(`tdist: the url of httpSender must begin with http:// or https://, not ${text}`)
}
