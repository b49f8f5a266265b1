import { createServer } from 'node:http'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import axios, { type AxiosInstance } from 'axios'
import express from 'express'
import { Kafka } from 'kafkajs'
import {
  always,
  createTracing,
  httpSender,
  SendError,
  traced,
  traceFetch,
  traceHttpServer,
  type Outcome,
  type Sender,
  type Span,
  type Tracing,
  type TracingOptions,
  type ZipkinSpan,
} from 'tdist'
import { traceAxios } from 'tdist/axios'
import { createNamespace, ERROR_SYMBOL } from 'tdist/cls'
import { decodeSpans, encodeSpans, type Encoding } from 'tdist/codec'
import { traceExpress } from 'tdist/express'
import { kafkaSender, runWithMessage, traceKafka, tracingSerializer } from 'tdist/kafkajs'
import { kinesisSender } from 'tdist/kinesis'
import 'tdist/register'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { traceProcessor, traceThriftClient, tracingProtocol } from 'tdist/thrift'
import { traceUndici } from 'tdist/undici'
import { Collector } from 'tdist-server/collector'
import { Agent, fetch as undiciFetch } from 'undici'
import required = require('tdist')
import requiredCls = require('tdist/cls')
import requiredTesting = require('tdist/testing')

const sender: Sender = {
  encoding: 'json',
  maxRecordBytes: 1000,
  maxRecords: 10,
  maxCallBytes: 10_000,
  send: async (records): Promise<Outcome[]> => records.map(() => 'sent'),
}
const options: TracingOptions = {
  serviceName: 'shop',
  sender: kinesisSender({ streamName: 'spans', client: new KinesisClient({}) }),
  sampler: always,
  spanHandler: { end: (data: ZipkinSpan, error: unknown, span: Span) => data.name !== 'ping' },
  http: { server: { sampler: (request) => request.path !== '/health' } },
  publisher: { maxSpans: 100 },
}
const tracing: Tracing = createTracing(options)
createTracing({ serviceName: 'shop', sender: httpSender() })
createTracing({ serviceName: 'shop', sender: kafkaSender({ brokers: ['127.0.0.1:9092'] }) })
createTracing({ serviceName: 'shop', sender })

express().use(traceExpress(tracing)).listen(0)
traceHttpServer(tracing, createServer()).listen(0)
const client: AxiosInstance = traceAxios(tracing, axios.create())
const agent: Agent = traceUndici(tracing, new Agent())
const fetchOfNode: typeof fetch = traceFetch(tracing, fetch)
const fetchOfUndici: typeof undiciFetch = traceFetch(tracing, undiciFetch)
const kafka: Kafka = traceKafka(tracing, new Kafka({ brokers: ['127.0.0.1:9092'] }))
const encoding: Encoding = 'json'
const spans: ZipkinSpan[] = decodeSpans(encodeSpans([], encoding))
const collector = new Collector((received: ZipkinSpan[]) => void spans.push(...received))
const test: TestTracing = createTestTracing()
const namespace = createNamespace<{ user: string }>('shop')
namespace.set('user', 'ann')

class Cart {
  @traced('total')
  total(): number {
    return 7
  }
}

// One class, one symbol, one interface, whichever way it came.
const error: SendError = new required.SendError('no answer', 'in doubt')
const otherError: required.SendError = new SendError('no answer', 'in doubt')
const symbol: typeof ERROR_SYMBOL = requiredCls.ERROR_SYMBOL
const otherSymbol: typeof requiredCls.ERROR_SYMBOL = ERROR_SYMBOL
const requiredTracing: required.Tracing = tracing
const otherTest: TestTracing = requiredTesting.createTestTracing()
traceExpress(required.createTracing({ serviceName: 'shop' }))

export {
  agent,
  Cart,
  client,
  collector,
  error,
  fetchOfNode,
  fetchOfUndici,
  kafka,
  otherError,
  otherSymbol,
  otherTest,
  requiredTracing,
  runWithMessage,
  spans,
  symbol,
  test,
  traceProcessor,
  traceThriftClient,
  tracingProtocol,
  tracingSerializer,
}
