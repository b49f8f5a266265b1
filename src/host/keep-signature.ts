/** A function or a class, whatever it is called with. */
interface Signature {
  readonly name: string
  readonly length: number
}

/**
 * Gives a wrapper the name and the length of the function that it wraps, for hosts read both: Express counts the
 * parameters of a handler. `more`: other properties to define at the same time. Returns the wrapper.
 */
export function keepSignature<F extends object>(
  wrapper: F,
  { name, length }: Signature,
  more?: PropertyDescriptorMap,
): F {
  return Object.defineProperties(wrapper, {
    ...more,
    length: { value: length, configurable: true },
    name: { value: name, configurable: true },
  })
}
