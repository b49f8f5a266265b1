import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { ServiceSpan } from '../../span/service-span.ts'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { types } from 'node:util'
import { nodeHttp } from './modules.ts'
import { listenAsOne } from '../hooks/diagnostics-channel.ts'
import { installOnce } from '../hooks/install-once.ts'
import { failed } from '../../host/faults.ts'
import { onNextTick } from '../../host/timers.ts'
import { CALL, followMessages } from './follow-messages.ts'
import { ABANDONED, type HttpServerHandler } from '../protocols/http.ts'
import type { Connection, OnConnection } from './connection.ts'
import { showAsOneWord } from '../hooks/inspected.ts'
import { overhear } from '../hooks/overheard.ts'
import type { Ageing, Open, OpenSpans } from '../protocols/open-spans.ts'
import { uninstallAll, type Uninstall } from '../../host/patch.ts'
import { isEventStream } from './event-stream.ts'
import { whenAnswered } from './upgrade-answer.ts'

/**
 * A request that a server is answering. It stands on the request itself, so that whoever meets a request first
 * (the server, a framework, a framework inside a framework) traces it, and the rest find it traced. It ends once,
 * when the response is out or never will be.
 */
export class ServerCall implements OnConnection, Ageing {
  readonly tracing: ServiceTracing
  readonly span: ServiceSpan
  /** Whether the framework that answers has routes. */
  hasRouting = false
  /**
   * The route's template. Undefined when none is known; empty when the route that was entered passed the request on.
   */
  route: string | undefined = undefined
  /** The copy of the framework that met the request last and knows its routes. */
  metBy: object | undefined = undefined
  /** The first error of the framework or the handler that answers. */
  error: unknown = undefined
  readonly #handler: HttpServerHandler<IncomingMessage>
  readonly #request: TracedRequest
  readonly #response: ServerResponse | undefined
  readonly #connection: Connection | undefined
  #unhear: Uninstall | undefined = undefined
  #status: number | undefined = undefined
  /** The call's place among all open calls, until it ends. */
  #open: Open | undefined = undefined
  #isLost = false
  #isOver: boolean

  constructor(
    tracing: ServiceTracing,
    handler: HttpServerHandler<IncomingMessage>,
    span: ServiceSpan,
    request: TracedRequest,
    response: ServerResponse | undefined,
    connection: Connection | undefined,
  ) {
    this.tracing = tracing
    this.span = span
    this.#handler = handler
    this.#request = request
    this.#response = response
    this.#connection = connection
    this.#isOver = !span.recording
  }

  /** Begins a recorded call: from now on it hears its response, or the socket of an upgrade. */
  begin(socket: Socket | undefined, open: OpenSpans): void {
    this.#open = open.add(this)
    this.#connection?.add(this)
    const response = this.#response
    if (response === undefined) return this.#awaitAnswer(socket!)
    // The server's own response, whose turn has come: Node's channel tells of its end, the connection of its loss.
    if (this.#connection !== undefined && response.socket === this.#request.socket) return
    this.#unhear = overhear(response, 'http server', (_, event) => {
      // In HTTP/2 both events come when the stream was reset. In node:http `finish` may come before `end` has returned.
      const isOut = event === 'finish' && response instanceof nodeHttp().ServerResponse
      if (event === 'finish' || event === 'close') {
        this.#over(!isOut && response.writableEnded === false)
      }
    })
    if (response.writableFinished) this.#over(false)
    else if (response.destroyed) this.#over(true)
    else if (this.#request.upgrade) this.#awaitAnswer(this.#request.socket)
  }

  /** The response is out, as Node's channel says. */
  finished(): void {
    if (!this.#isFirstEnd(false)) return
    // Nobody but Node listens to it.
    if (this.#response!.listenerCount('finish') < 2) end(this)
    else onNextTick(end, this)
  }

  /**
   * The connection is gone, and no channel has told that the response is out. So it is not out, whatever
   * `writableFinished` says of what was written to nobody, unless somebody has removed the listener by which Node
   * tells.
   */
  lost(): void {
    const response = this.#response
    this.#over(!response?.writableFinished || response.listeners('finish').some(isNodes))
  }

  /** Ends an upgrade with the first bytes of the answer. They may have gone before its handler saw the request. */
  #awaitAnswer(socket: Socket): void {
    if (this.#response !== undefined && socket.bytesWritten > 0) {
      this.#status = 101
      return this.#over(false)
    }
    const undo = [
      whenAnswered(socket, (status) => {
        this.#status = status
        this.#over(status === undefined)
      }),
    ]
    if (this.#unhear) undo.push(this.#unhear)
    if (this.#connection === undefined) {
      undo.push(overhear(socket, 'http server', (_, event) => event === 'close' && this.#over(true)))
    }
    this.#unhear = uninstallAll(undo)
  }

  /** Ends the call after this tick: what listeners of the event, and routing that goes on, say of it still counts. */
  #over(isLost: boolean): void {
    try {
      if (this.#isFirstEnd(isLost)) onNextTick(end, this)
    } catch (error) {
      this.tracing.failed('http server', error)
    }
  }

  #isFirstEnd(isLost: boolean): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#isLost = isLost
    const response = this.#response
    if (response?.headersSent) this.#status ??= response.statusCode
    return true
  }

  /** Ends a recorded call. */
  end(): void {
    this.#open?.close()
    this.#connection?.remove(this)
    this.#unhear?.()
    const route = this.route || (this.hasRouting ? '' : undefined)
    this.#handler.send(this.span, this.#request, this.#status, route, this.#failure() ?? this.#loss())
  }

  /**
   * The call's error. Some services give Express's `next` the body of the answer: what is no Error counts only where
   * the answer's status says that it is one.
   */
  #failure(): unknown {
    const { error } = this
    const isAnswered = error !== undefined && this.#status !== undefined && this.#status < 400
    return isAnswered && !(error instanceof Error || types.isNativeError(error)) ? undefined : error
  }

  get place(): string {
    return 'http server'
  }

  /** Whether it will still end, however slow it is: its connection is open, and the end of that ends it. */
  isAlive(): boolean {
    const response = this.#response
    if (response?.writableFinished || response?.destroyed) return false
    return (response?.socket ?? this.#request.socket)?.destroyed === false
  }

  outlived(): void {
    if (this.#isFirstEnd(false)) this.end()
  }

  #loss(): Error | undefined {
    if (!this.#isLost) return undefined
    if (!isEventStream(this.#response)) return new Error('aborted')
    // Its reader leaves when it has read enough.
    this.span.annotate(ABANDONED)
    return undefined
  }
}

showAsOneWord(ServerCall)

function isNodes({ name }: { readonly name: string }): boolean {
  return name === 'bound resOnFinish'
}

function end(call: ServerCall): void {
  try {
    call.end()
  } catch (error) {
    failed('http server', error)
  }
}

/** A request, with the call that it belongs to. */
export type TracedRequest = IncomingMessage & {
  [CALL]?: ServerCall
  /** Whether Node has given the socket away. */
  upgrade?: boolean | null
}

/** The call of a request; undefined while nobody has traced it. */
export function callOf(request: IncomingMessage): ServerCall | undefined {
  return (request as TracedRequest)[CALL]
}

type Look = (call: ServerCall, request: IncomingMessage) => void

const looks = new Set<Look>()

/** Calls `look` with every call that a server has answered, before it ends. Returns the undo. */
export function lookAtAnswers(look: Look): Uninstall {
  looks.add(look)
  return () => looks.delete(look)
}

/** Has the calls of every server told when their responses are out. */
export const followResponses: () => Uninstall = installOnce(() =>
  uninstallAll([followMessages(), listenAsOne('http.server.response.finish', 'http server', answered)]),
)

function answered({ request }: { readonly request: TracedRequest }): void {
  const call = request[CALL]
  if (call === undefined) return
  for (const look of looks) look(call, request)
  call.finished()
}
