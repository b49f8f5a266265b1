import type { Account } from '../account.ts'
import { type ApiError, invalidArgument } from '../wire/api-error.ts'
import type { Subscription } from '../stream/subscription.ts'
import { type Checked, checkRequest, type Fields, required, type Rule, text } from './validation.ts'

/** One operation of the API. */
export interface Operation {
  /** Checks the request, does what it asks and returns the body of the answer. */
  answer(account: Account, input: object, recordFault: RecordFault): object | Subscription | undefined
}

/** What is to go wrong with one record of a call; undefined when nothing is. */
export type RecordFault = (index: number, shardId: string) => ApiError | undefined

/** An operation from the members of its request and what it does with them once they are checked. */
export function operation<F extends Fields>(
  fields: F,
  run: (
    account: Account,
    input: Checked<F>,
    recordFault: RecordFault,
  ) => object | Subscription | undefined | void,
): Operation {
  return {
    answer(account, input, recordFault) {
      checkRequest(input, fields)
      if ('DryRun' in input && input.DryRun) throw invalidArgument('DryRun is not supported by this server.')
      return run(account, input as Checked<F>, recordFault) ?? undefined
    },
  }
}

/** The name of a stream, a shard or a consumer. */
export function name(): Rule<string | undefined> {
  return text({ min: 1, max: 128, pattern: /^[a-zA-Z0-9_.-]+$/ })
}

/** A decimal number within the space of hash keys. */
export function hashKey(): Rule<string | undefined> {
  return text({ pattern: /^(?:0|([1-9]\d{0,38}))$/ })
}

/** The number of a record within its shard. */
export function sequenceNumber(): Rule<string | undefined> {
  return text({ pattern: /^(?:0|([1-9]\d{0,128}))$/ })
}

/** The two members that name a stream. A request has one of them, or both. */
export const streamAddress: {
  StreamName: Rule<string | undefined>
  StreamARN: Rule<string | undefined>
} = { StreamName: name(), StreamARN: text({ min: 1, max: 2048 }) }

/** The member that names a stream in operations that take no name. */
export const streamArn: { StreamARN: Rule<string> } = { StreamARN: required(streamAddress.StreamARN) }
