/** What differs from run to run of one program, and what stands in its place. All else is compared byte for byte. */
const CHANGING: readonly (readonly [RegExp, string])[] = [
  [/^(date|last-modified): .*\r$/gim, '$1: (a time)\r'],
  [/\b(127\.0\.0\.1|localhost|\[::1\]):\d+/g, '$1:(port)'],
  [/^\(node:\d+\)/gm, '(node)'],
  // Ours are among them, and Node prints ten at most.
  [/^ {4,}at .*\n/gm, ''],
]

export function normalised(output: string): string {
  return CHANGING.reduce((text, [pattern, instead]) => text.replace(pattern, instead), output)
}
