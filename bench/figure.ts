/** The median of what the rounds gave, and how far apart they were. */
export interface Figure {
  readonly value: number
  readonly min: number
  readonly max: number
}

/** What each round gave for one variant, in the order of the rounds. */
export type Rounds = readonly number[]

export function figureOf(rounds: Rounds): Figure {
  const sorted = rounds.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const value = sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { value, min: sorted[0]!, max: sorted.at(-1)! }
}

/** What a variant costs above another, round by round: both were measured within the same seconds. */
export function above(rounds: Rounds, base: Rounds): Rounds {
  return rounds.map((value, i) => value - base[i]!)
}

/** The ratio of two medians; min and max are those of the rounds' own ratios. */
export function ratio(part: Rounds, whole: Rounds): Figure {
  const { min, max } = figureOf(part.map((value, i) => value / whole[i]!))
  return { value: figureOf(part).value / figureOf(whole).value, min, max }
}

/** A figure that is counted, not measured. */
export function exactly(value: number): Figure {
  return { value, min: value, max: value }
}
