/** A tracing with all that instrumentations know of it, and users do not. */
export function internals(tracing) {
  return tracing
}
