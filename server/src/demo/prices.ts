import { once } from 'node:events'
import { createRequire } from 'node:module'
import type { AddressInfo, Server } from 'node:net'

/*
 * What Thrift's compiler generates for `service Prices { i32 cents(1: string sku) }`, less what the demo never meets.
 */

/** The library, which brings no types. */
interface Thrift {
  createServer(service: object, handler: Handler): Server
  createConnection(host: string, port: number, options: object): object
  createClient(service: object, connection: object): Handler
}

interface Protocol {
  writeMessageBegin(name: string, type: number, seqid: number): void
  writeMessageEnd(): void
  writeStructBegin(name: string): void
  writeStructEnd(): void
  writeFieldBegin(name: string, type: number, id: number): void
  writeFieldEnd(): void
  writeFieldStop(): void
  writeString(value: string): void
  writeI32(value: number): void
  flush(): void
  readMessageBegin(): { rseqid: number }
  readMessageEnd(): void
  readStructBegin(): void
  readStructEnd(): void
  readFieldBegin(): { ftype: number; fid: number }
  readFieldEnd(): void
  readString(): string
  readI32(): number
  skip(type: number): void
}

type Answered = (error: unknown, cents?: number) => void
/** What answers the calls. */
export interface Handler {
  cents(sku: string): Promise<number>
}

const [CALL, REPLY] = [1, 2]
const [STOP, I32, STRING] = [0, 8, 11]

/** The client's half. */
class PricesClient {
  // Spans are named after it, and what is published has short names.
  static readonly name = 'PricesClient'
  readonly output: Protocol
  readonly pClass: new (output: Protocol) => Protocol
  readonly _reqs: Record<number, Answered> = {}
  _seqid = 0

  constructor(output: Protocol, pClass: new (output: Protocol) => Protocol) {
    this.output = output
    this.pClass = pClass
  }

  seqid(): number {
    return this._seqid
  }

  new_seqid(): number {
    return (this._seqid += 1)
  }

  cents(sku: string): Promise<number> {
    this._seqid = this.new_seqid()
    return new Promise((resolve, reject) => {
      this._reqs[this.seqid()] = (error, cents) => (error ? reject(error as Error) : resolve(cents!))
      this.send_cents(sku)
    })
  }

  send_cents(sku: string): void {
    const output = new this.pClass(this.output)
    output.writeMessageBegin('cents', CALL!, this.seqid())
    output.writeStructBegin('Prices_cents_args')
    output.writeFieldBegin('sku', STRING!, 1)
    output.writeString(sku)
    output.writeFieldEnd()
    output.writeFieldStop()
    output.writeStructEnd()
    output.writeMessageEnd()
    this.output.flush()
  }

  recv_cents(input: Protocol, type: number, seqid: number): void {
    const answered = this._reqs[seqid]!
    delete this._reqs[seqid]
    const cents = readField(input, 0, () => input.readI32())
    answered(type === REPLY ? undefined : new Error('the prices failed'), cents)
  }
}

/** The server's half, which hands calls to the handler. */
class PricesProcessor {
  static readonly name = 'PricesProcessor'
  readonly _handler: Handler

  constructor(handler: Handler) {
    this._handler = handler
  }

  process(input: Protocol, output: Protocol): void {
    this.process_cents(input.readMessageBegin().rseqid, input, output)
  }

  process_cents(seqid: number, input: Protocol, output: Protocol): void {
    const sku = readField(input, 1, () => input.readString())
    void this._handler.cents(sku!).then((cents) => {
      output.writeMessageBegin('cents', REPLY!, seqid)
      output.writeStructBegin('Prices_cents_result')
      output.writeFieldBegin('success', I32!, 0)
      output.writeI32(cents)
      output.writeFieldEnd()
      output.writeFieldStop()
      output.writeStructEnd()
      output.writeMessageEnd()
      output.flush()
    })
  }
}

/** Reads the rest of a message, and of it the one field that is known. */
function readField<T>(input: Protocol, id: number, read: () => T): T | undefined {
  let value: T | undefined
  input.readStructBegin()
  for (;;) {
    const { ftype, fid } = input.readFieldBegin()
    if (ftype === STOP) break
    if (fid === id) value = read()
    else input.skip(ftype)
    input.readFieldEnd()
  }
  input.readStructEnd()
  input.readMessageEnd()
  return value
}

const Prices = { Client: PricesClient, Processor: PricesProcessor }

/** Serves the prices on this machine alone. Resolves with the port. */
export async function servePrices(handler: Handler): Promise<number> {
  const server = load().createServer(Prices, handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Calls the prices at a port of this machine. */
export function connectPrices(port: number): Handler {
  const thrift = load()
  return thrift.createClient(Prices, thrift.createConnection('127.0.0.1', port, {}))
}

function load(): Thrift {
  return createRequire(import.meta.url)('thrift') as Thrift
}
