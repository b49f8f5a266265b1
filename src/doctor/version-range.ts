/** Whether a version lies in a range such as `>=4.17 <6`: its numbers alone count, whatever stands after a dash. */
export function isWithin(version: string, range: string): boolean {
  return range.split(' ').every((bound) => {
    const [, sign, limit] = /^(>=|<)(.+)$/.exec(bound)!
    return sign === '<' ? compare(version, limit!) < 0 : compare(version, limit!) >= 0
  })
}

function compare(a: string, b: string): number {
  const [left, right] = [numbers(a), numbers(b)]
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function numbers(version: string): number[] {
  return version.split('-', 1)[0]!.split('.').map(Number)
}
