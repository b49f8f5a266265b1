import { existsSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import axios from 'axios'
import { Agent } from 'undici'
import type { Tracing } from 'tdist'
import type { Ways } from './service.ts'

/** A tracing and a service that uses it. */
export interface Wired {
  readonly ways: Partial<Ways>
  /** Waits until spans are out, or a moment. */
  readonly settle: () => Promise<void>
  readonly undo: () => Promise<void>
  /** How many faults of its own the tracing has counted. */
  readonly faults: () => number
}

/** Makes a tracing of the copy, anew. */
export type Wiring = () => Wired

type Instrumentation = { install(tracing: Tracing): () => void }

/** The ways to trace a service that the built copy in `folder` has. Spans go to `url`. */
export async function loadWirings(folder: string, url: string): Promise<Map<string, Wiring>> {
  const load = async <T>(file: string): Promise<T | undefined> => {
    const path = join(folder, file)
    return existsSync(path) ? ((await import(pathToFileURL(path).href)) as T) : undefined
  }
  const tdist = (await load<typeof import('tdist')>('index.js'))!
  const server = await load<{ nodeHttpServer: Instrumentation }>('transports/node-http/server.js')
  const express = await load<typeof import('tdist/express') & { express: Instrumentation }>(
    'transports/express/express.js',
  )
  const client = await load<{
    nodeHttpClient: Instrumentation
    traceHttpClient: (tracing: Tracing, module: typeof http) => typeof http
  }>('transports/node-http/client.js')
  const undici = await load<typeof import('tdist/undici') & { undici: Instrumentation }>(
    'transports/undici/undici.js',
  )
  const kafka = await load<typeof import('tdist/kafkajs')>('transports/kafkajs/kafkajs.js')
  const thrift = await load<typeof import('tdist/thrift')>('transports/thrift/thrift.js')
  const traceAxios = (await load<typeof import('tdist/axios')>('transports/axios/axios.js'))?.traceAxios

  function newTracing(): Tracing {
    return tdist.createTracing({
      serviceName: 'shop',
      sender: tdist.httpSender({ url }),
      publisher: { lingerMs: 5 },
      sampler: tdist.sampleRate(1),
      propagation: ['b3', 'w3c'],
      baggage: ['user'],
      spanHandler: { begin() {}, end() {} },
      http: {
        server: {
          sampler: () => true,
          request: () => {},
          response: ({ request }) => void request.header('host'),
        },
        client: { request: (request) => void request.header('host') },
      },
    })
  }

  function wired(tracing: Tracing, ways: Partial<Ways>, uninstall: () => void): Wired {
    const { tracer, dataManager } = tracing
    const look = (): void => {
      tracer.currentSpan?.tag('looked', 1).annotate('looked').error(new Error('none'))
      dataManager.logFields()
      for (const format of ['prometheus', 'graphite', 'statsd'] as const) tracing.metrics(format)
    }
    return {
      ways: {
        trace: (name, fn) => tracer.trace(name, fn),
        wrap: (name, fn) => tracer.wrap(name, fn),
        bind: (fn) => dataManager.bind(fn),
        bindEmitter: (emitter) => dataManager.bindEmitter(emitter),
        look,
        ...ways,
      },
      faults: () => Object.values(tracing.faults).reduce((sum, count) => sum + count, 0),
      settle: async () => within(100, tracing.flush(50)),
      undo: async () => {
        uninstall()
        await within(100, tracing.close(20))
      },
    }
  }

  const wirings = new Map<string, Wiring>()
  wirings.set('by hand', () => {
    const tracing = newTracing()
    return wired(
      tracing,
      {
        ...(express && { middleware: express.traceExpress(tracing) }),
        ...(traceAxios && { axios: traceAxios(tracing, axios.create()) }),
        ...(undici && {
          dispatcher: undici.traceUndici(tracing, new Agent()),
          fetch: undici.traceFetch(tracing, fetch),
        }),
        ...(client && { http: client.traceHttpClient(tracing, http) }),
        ...(kafka && {
          kafka: (one, carrier) => kafka.traceKafka(tracing, one, { carrier, ignore: () => false }),
          serializer: (fn) => kafka.tracingSerializer(tracing, fn),
          deserializer: (fn) => kafka.tracingDeserializer(tracing, fn),
          runWithMessage: kafka.runWithMessage,
        }),
        ...(thrift && {
          thriftConnection: (connection) =>
            thrift.traceThriftClient(tracing, connection, { ignore: () => false }),
          thriftProcessor: (processor) => thrift.traceProcessor(tracing, processor),
        }),
      },
      () => {},
    )
  })
  if (server && express && client && undici) {
    wirings.set('drop-in', () => {
      let tracing: Tracing
      try {
        tracing = newTracing()
      } catch {
        // As tdist/register has it: the service runs untraced.
        return { ways: {}, settle: async () => {}, undo: async () => {}, faults: () => 1 }
      }
      const undos = [server.nodeHttpServer, client.nodeHttpClient, express.express, undici.undici].map(
        (instrumentation) => {
          try {
            return instrumentation.install(tracing)
          } catch (error) {
            tracing.failed('install', error)
            return () => {}
          }
        },
      )
      return wired(tracing, {}, () => undos.forEach((undo) => undo()))
    })
  }
  return wirings
}

async function within(ms: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  await Promise.race([promise, over])
  clearTimeout(timer)
}
