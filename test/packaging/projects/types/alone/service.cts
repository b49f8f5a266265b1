import { createServer } from 'node:http'
import { createTracing, traceFetch, traceHttpServer } from 'tdist'
import { createNamespace } from 'tdist/cls'
import { encodeSpans } from 'tdist/codec'
import 'tdist/register'
import { createTestTracing } from 'tdist/testing'

const tracing = createTracing({ serviceName: 'shop' })
traceHttpServer(tracing, createServer()).listen(0)
export const fetchTraced = traceFetch(tracing, fetch)
export const bytes: Uint8Array = encodeSpans(createTestTracing().spans, 'proto3')
export const namespace = createNamespace('shop')
