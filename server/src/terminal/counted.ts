/** A number and what it counts, in the singular or plural. */
export function counted(count: number, what: string, many = `${what}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? what : many}`
}
