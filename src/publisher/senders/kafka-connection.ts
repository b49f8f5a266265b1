import type { ISocketFactoryArgs, Kafka, KafkaConfig, Message, Producer } from 'kafkajs'
import { isIP, type Socket } from 'node:net'
import { random, startTimer, stopTimer } from '../../host/timers.ts'
import { connectSocket, pastInterceptors } from './own-sockets.ts'
import { SendError } from './sender.ts'

/** What of kafkajs is needed. */
export type Kafkajs = Pick<typeof import('kafkajs'), 'Kafka' | 'Partitioners'>

/** Where messages go: the brokers to ask first, or a user's own client, and the topic. */
export interface KafkaTarget {
  readonly brokers: readonly string[]
  readonly kafka: Kafka | undefined
  readonly clientId: string
  readonly ssl: KafkaConfig['ssl'] | undefined
  readonly sasl: KafkaConfig['sasl'] | undefined
  readonly topic: string
  readonly gzip: boolean
  readonly timeoutMs: number
}

const SOCKET_MS = 2000
const CONNECT_MS = 3000
const GZIP = 1

/**
 * A producer of kafkajs and its sockets, from the first message until it is closed. kafkajs is kept from trying again
 * by itself: after a failure a connection is of no more use.
 */
export class KafkaConnection {
  readonly #target: KafkaTarget
  readonly #producer: Producer
  readonly #connecting: Promise<void>
  /** What kafkajs has begun and not ended. */
  readonly #pending = new Set<Promise<unknown>>()
  readonly #sockets = new Set<Socket>()
  #inUse = 0
  #closed: Promise<void> | undefined
  /** What happened to a socket on which messages may have gone out. */
  #lost: string | undefined

  constructor({ Kafka, Partitioners }: Kafkajs, target: KafkaTarget) {
    this.#target = target
    const kafka = target.kafka ?? this.#newClient(Kafka)
    this.#producer = kafka.producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 0 },
    })
    this.#connecting = this.#follow(this.#producer.connect())
  }

  get usable(): boolean {
    return this.#closed === undefined
  }

  get idle(): boolean {
    return this.#inUse === 0
  }

  /** Resolves when the brokers have the message. Rejects with a SendError, or with kafkajs's own when they answered. */
  async send(message: Message): Promise<void> {
    this.#inUse++
    try {
      await this.#send(message)
    } catch (error) {
      if (brokerError(error) === undefined) void this.close()
      throw error
    } finally {
      this.#inUse--
    }
  }

  /** Ends the connection. What is in flight fails; with a user's own client it ends first. Never rejects. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #send(message: Message): Promise<void> {
    const { topic, gzip, timeoutMs } = this.#target
    const connectMs = Math.min(CONNECT_MS, timeoutMs)
    await within(connectMs, this.#connecting, 'no connection', 'failed').catch((error: unknown) => {
      throw asSendError(error, 'failed')
    })
    const request = { topic, messages: [message], ...(gzip ? { compression: GZIP } : {}) }
    const sending = this.#follow(this.#producer.send(request))
    const answered = await within(timeoutMs, sending, 'no answer', 'in doubt').catch((error: unknown) => {
      if (this.#lost !== undefined) throw new SendError(this.#lost, 'in doubt', { cause: error })
      if (brokerError(error) !== undefined) throw error
      // Nothing is known of the sockets of a user's own client.
      throw asSendError(error, this.#target.kafka ? 'in doubt' : 'failed')
    })
    // One message is in one partition.
    if (!Array.isArray(answered) || answered.length !== 1)
      throw new SendError('the answer names no partition that has the message', 'in doubt')
  }

  #follow<T>(promise: Promise<T>): Promise<T> {
    const done = (): void => void this.#pending.delete(promise)
    this.#pending.add(promise)
    promise.then(done, done)
    return promise
  }

  async #close(): Promise<void> {
    // With an error, or kafkajs would wait for the answers that are due.
    for (const socket of this.#sockets) socket.destroy(new Error('the connection was closed'))
    // Before its end it might connect anew.
    await Promise.allSettled(this.#pending)
    await this.#producer.disconnect().catch(() => {})
  }

  #newClient(Client: Kafkajs['Kafka']): Kafka {
    const { clientId, brokers, ssl, sasl } = this.#target
    const first = Math.floor(random() * brokers.length)
    return new Client({
      clientId,
      brokers: [...brokers.slice(first), ...brokers.slice(0, first)],
      ...(ssl === undefined ? {} : { ssl }),
      ...(sasl === undefined ? {} : { sasl }),
      connectionTimeout: SOCKET_MS,
      // The interval with which kafkajs looks for late answers would keep the process alive.
      enforceRequestTimeout: false,
      // So each broker is asked once.
      retry: { retries: brokers.length - 1, initialRetryTime: 10, maxRetryTime: 100 },
      logCreator: () => () => {},
      socketFactory: (args) => this.#open(args),
    })
  }

  #open({ host, port, ssl, onConnect }: ISocketFactoryArgs): Socket {
    // kafkajs connects anew by itself, and what comes of that would hide what became of the message.
    if (this.#closed !== undefined) throw new Error('the connection was closed')
    const serverName = isIP(host) ? {} : { servername: host }
    const socket = pastInterceptors(() =>
      ssl
        ? process.getBuiltinModule('node:tls').connect({ host, port, ...serverName, ...ssl }, onConnect)
        : connectSocket({ host, port }, onConnect),
    )
    this.#sockets.add(socket)
    let connected = false
    socket.once(ssl ? 'secureConnect' : 'connect', () => (connected = true))
    // Ahead of kafkajs's own listeners, which connect anew.
    for (const event of ['end', 'error', 'close']) {
      socket.once(event, () => {
        this.#sockets.delete(socket)
        if (!connected) return
        this.#lost ??= `the connection to ${host}:${port} was lost`
        void this.close()
      })
    }
    return socket.unref()
  }
}

/** What a broker answered to a message, if that is what failed: the error's name, and whether it may pass. */
export function brokerError(error: unknown): { type: string; retriable: boolean } | undefined {
  if (error instanceof SendError) return undefined
  const { type, retriable } = rootOf(error) as { type?: unknown; retriable?: unknown }
  return typeof type === 'string' ? { type, retriable: retriable === true } : undefined
}

/** kafkajs wraps errors in others whose name says only that it tried again, or did not. */
function rootOf(error: unknown): object {
  let root = error
  for (let i = 0; i < 5 && root instanceof Error && root.cause instanceof Error; i++) root = root.cause
  return typeof root === 'object' && root !== null ? root : {}
}

function asSendError(error: unknown, outcome: SendError['outcome']): SendError {
  if (error instanceof SendError) return error
  const { message, code, broker } = rootOf(error) as { message?: string; code?: string; broker?: string }
  // When every address of a host failed, Node's error is an AggregateError that has no message.
  const known = [code, broker].filter((part) => part && !message?.includes(part))
  const more = known.length > 0 ? ` (${known.join(', ')})` : ''
  return new SendError(`${message?.trim() ?? String(error)}${more}`, outcome, { cause: error })
}

/** The promise, or a SendError when it takes too long. */
async function within<T>(
  ms: number,
  promise: Promise<T>,
  message: string,
  outcome: SendError['outcome'],
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = startTimer(() => reject(new SendError(`${message} within ${ms} ms`, outcome)), ms).unref()
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    stopTimer(timer)
  }
}
