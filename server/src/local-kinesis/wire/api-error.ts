/** An answer that says no, in the shape AWS gives it. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** The `__type` of the body and the `x-amzn-ErrorType` of the headers, as `ResourceNotFoundException`. */
  readonly type: string
  /** HTTP status. */
  readonly status: number

  constructor(type: string, message: string, status = 400) {
    super(message)
    this.type = type
    this.status = status
  }
}

/** Something in the request is wrong: the caller has to change it. */
export function invalidArgument(message: string): ApiError {
  return new ApiError('InvalidArgumentException', message)
}

/** What the request names is not there. */
export function notFound(message: string): ApiError {
  return new ApiError('ResourceNotFoundException', message)
}

/** What the request names is not in a state to do this. */
export function inUse(message: string): ApiError {
  return new ApiError('ResourceInUseException', message)
}

/** A limit of the account, not of a shard. */
export function limitExceeded(message: string): ApiError {
  return new ApiError('LimitExceededException', message)
}

/** The request cannot be read into the shape its operation has. */
export function serializationError(message: string): ApiError {
  return new ApiError('SerializationException', message)
}

/** One or more members of the request break their constraints; worded as AWS words it. */
export function validationError(problems: readonly string[]): ApiError {
  const count = `${problems.length} validation error${problems.length > 1 ? 's' : ''} detected: `
  return new ApiError('ValidationException', count + problems.join('; '))
}
