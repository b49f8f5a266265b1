import { createTracing, httpSender, traceFetch, traceHttpServer } from 'tdist'
import { traceExpress } from 'tdist/express'
import { traceKafka } from 'tdist/kafkajs'
import { kinesisSender } from 'tdist/kinesis'
import { serve } from './serve.cjs'

void serve({
  createTracing,
  httpSender,
  kinesisSender,
  traceExpress,
  traceFetch,
  traceHttpServer,
  traceKafka,
})
