/** What differs from run to run of one program, and what stands in its place. All else is compared byte for byte. */
const CHANGING: readonly (readonly [RegExp, string])[] = [
  [/\b\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\b/g, '(a time)'],
  [/\b(127\.0\.0\.1|localhost|\[::1\]):\d+/g, '$1:(port)'],
  // What test runners report.
  [/\bStart at {2}[\d:]{8}/g, 'Start at (a time)'],
  [/\b\d+(\.\d+)? ?m?s\b/g, '(a duration)'],
  [/\bfolder-\w{6}\b/g, '(a folder)'],
  [/\(node:\d+\)/g, '(node)'],
  // Ours are among them, and Node prints ten at most.
  [/^ {4,}at .*\n/gm, ''],
]

export function normalised(output: string): string {
  return CHANGING.reduce((text, [pattern, instead]) => text.replace(pattern, instead), output)
}
