type Method = (this: never, ...args: never[]) => unknown

const learnt = new WeakMap<Method, boolean>()

/**
 * Whether this method of a generated processor, `process_…(seqid, input, output)`, never answers: it does not name its
 * output. The message cannot be relied on for that, since clients in Go write a oneway call as any other. A method that
 * is not written as the compiler writes them may answer.
 */
export function answersNobody(method: Method): boolean {
  let nobody = learnt.get(method)
  if (nobody === undefined) {
    nobody = !mayAnswer(Function.prototype.toString.call(method))
    learnt.set(method, nobody)
  }
  return nobody
}

/** A function, a method or an arrow function: its parameters, and its body. */
const WRITTEN = /^(?:function\b)?\s*[\w$]*\s*\(([\w$\s,]*)\)\s*(?:=>\s*)?\{([^]*)\}$/

function mayAnswer(source: string): boolean {
  const [, parameters, body] = WRITTEN.exec(source) ?? []
  const [, input, output] = parameters?.split(',').map((name) => name.trim()) ?? []
  // A minifier may have left out the last parameter, if that is not used.
  if (!input || body === undefined) return true
  const named = new Set(body.split(/[^\w$]+/))
  return (output !== undefined && named.has(output)) || named.has('arguments') || named.has('eval')
}
