import { ApiError } from './wire/api-error.ts'

/** A moment at which a fault can be put in. */
export interface FaultPoint {
  /**
   * `request`: before anything is done. `record`: one record of PutRecords is about to be stored. `response`:
   * everything is done and stored, and only the answer is still to be sent.
   */
  readonly at: 'request' | 'record' | 'response'
  /** As `PutRecords`. */
  readonly operation: string
  /** The request as it came, before it was checked. */
  readonly input: Readonly<Record<string, unknown>>
  /** For `record`: its place in the call. */
  readonly index?: number
  /** For `record`: the shard it would go to. */
  readonly shardId?: string
}

/** What goes wrong; `{}` is nothing. */
export interface Fault {
  /** First wait this long. Not for records. */
  readonly delayMs?: number
  /** Break the connection. Not for records. */
  readonly reset?: boolean
  /** Never answer, until the client gives up or the server is closed. Not for records. */
  readonly hang?: boolean
  /** Answer with this error instead, as `InternalFailure`; for a record, fail it with this `ErrorCode`. */
  readonly error?: string
  /** Status of that answer. Default 500 for `InternalFailure`, 400 for any other. */
  readonly status?: number
  readonly message?: string
}

/** Decides at each point whether something goes wrong there. */
export type FaultHook = (point: FaultPoint) => Fault | undefined

/** The error a fault asks for; undefined when it asks for none. */
export function faultError(fault: Fault | undefined): ApiError | undefined {
  if (fault?.error === undefined) return undefined
  const {
    error,
    message = 'Internal service failure.',
    status = error === 'InternalFailure' ? 500 : 400,
  } = fault
  return new ApiError(error, message, status)
}
