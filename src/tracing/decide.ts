/** Who judges what a rule answered, and counts its faults: a tracing. */
interface Judge {
  decision(where: string, answer: unknown): boolean | undefined
  failed(where: string, error: unknown): void
}

/**
 * What a rule of the service's says: true, false, or undefined when it leaves that open. A rule that throws, and one
 * that answers anything else, is counted at `where`, and leaves it open. Never throws.
 */
export function decide(judge: Judge, where: string, rule: () => unknown): boolean | undefined {
  try {
    return judge.decision(where, rule())
  } catch (error) {
    judge.failed(where, error)
    return undefined
  }
}
