import { keepSignature } from '../host/keep-signature.ts'
import { assumeOurs } from './assume-ours.ts'
import { currentTracing } from './current-tracing.ts'

type Method = (this: unknown, ...args: never[]) => unknown

/**
 * A method decorator: each call is a local span, named as given or after the method. Works as a TC39 decorator and
 * as one of TypeScript's experimental ones. It asks for `currentTracing()` at each call; where there is none, or it is
 * off, the method runs as it is.
 */
export function traced(name?: string): TracedDecorator {
  return ((target: unknown, context: unknown, descriptor?: PropertyDescriptor) => {
    if (descriptor) {
      descriptor.value = inSpan(name ?? String(context), descriptor.value as Method)
      return descriptor
    }
    return inSpan(name ?? String((context as ClassMethodDecoratorContext).name), target as Method)
  }) as TracedDecorator
}

/** Both forms of a method decorator. */
export interface TracedDecorator {
  <F extends (this: never, ...args: never[]) => unknown>(method: F, context: ClassMethodDecoratorContext): F
  (target: object, key: string | symbol, descriptor: PropertyDescriptor): PropertyDescriptor
}

function inSpan(name: string, method: Method): Method {
  const wrapped = function (this: unknown, ...args: never[]) {
    const tracing = currentTracing()
    if (!tracing?.enabled) return method.apply(this, args)
    assumeOurs(tracing)
    return tracing.tracer.apply(name, undefined, method, this, args)
  }
  return keepSignature(wrapped, method)
}
