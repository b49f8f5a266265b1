import { serializationError, validationError } from '../wire/api-error.ts'

/** What a member of a request must be. `T` is its type once it has been checked. */
export interface Rule<T> {
  readonly required: boolean
  /** Throws when the value is of another type; adds to `problems` when it breaks a constraint. */
  check(value: NonNullable<unknown>, path: string, problems: string[]): void
  /** Never set: carries the type. */
  readonly type?: T
}

/** The members of a structure by name. */
export type Fields = Record<string, Rule<unknown>>

/** A structure whose members have been checked. */
export type Checked<F extends Fields> = { readonly [K in keyof F]: F[K] extends Rule<infer T> ? T : never }

/**
 * Checks a request against its operation's members, as AWS does: types first, then ten problems at most. A member
 * that is null counts as left out and is removed.
 */
export function checkRequest(input: object, fields: Fields): void {
  const problems: string[] = []
  checkFields(input, fields, '', problems)
  if (problems.length > 0) throw validationError(problems.slice(0, 10))
}

/** A string; lengths in characters. */
export function text(
  limits: { min?: number; max?: number; pattern?: RegExp; oneOf?: readonly string[] } = {},
): Rule<string | undefined> {
  const { min = 0, max = Infinity, pattern, oneOf } = limits
  return {
    required: false,
    check(value, path, problems) {
      if (typeof value !== 'string') throw wrongType(value, 'String')
      if (oneOf && !oneOf.includes(value)) {
        problems.push(broken(path, `Member must satisfy enum value set: [${oneOf.join(', ')}]`, value))
      }
      if (pattern && !pattern.test(value)) {
        const source = pattern.source.replace(/^\^(?:\(\?:)?|\)?\$$/g, '')
        problems.push(broken(path, `Member must satisfy regular expression pattern: ${source}`, value))
      }
      checkLength(value.length, min, max, path, problems, value)
    },
  }
}

/** A whole number. */
export function integer(limits: { min?: number; max?: number } = {}): Rule<number | undefined> {
  const { min = -Infinity, max = Infinity } = limits
  return {
    required: false,
    check(value, path, problems) {
      if (typeof value !== 'number') throw wrongType(value, 'Integer')
      if (value < min) {
        problems.push(broken(path, `Member must have value greater than or equal to ${min}`, value))
      }
      if (value > max)
        problems.push(broken(path, `Member must have value less than or equal to ${max}`, value))
    },
  }
}

/** Epoch seconds, with a fraction. */
export function timestamp(): Rule<number | undefined> {
  return {
    required: false,
    check(value) {
      if (typeof value !== 'number') throw wrongType(value, 'Timestamp')
    },
  }
}

/** Bytes in base64. What they decode to is checked where they are decoded. */
export function blob(): Rule<string | undefined> {
  return {
    required: false,
    check(value) {
      if (typeof value !== 'string') throw wrongType(value, 'Blob')
    },
  }
}

/** A list, each of whose items follows one rule. */
export function list<T>(item: Rule<T>, min: number, max: number): Rule<readonly T[] | undefined> {
  return {
    required: false,
    check(value, path, problems) {
      if (!Array.isArray(value)) throw wrongType(value, 'List')
      checkLength(value.length, min, max, path, problems)
      for (let i = 0; i < value.length; i++) {
        if (value[i] != null) item.check(value[i], `${path}.${i + 1}.member`, problems)
      }
    },
  }
}

/** Values by key. */
export function map(
  key: Rule<string | undefined>,
  value: Rule<string | undefined>,
  min: number,
  max: number,
): Rule<Readonly<Record<string, string>> | undefined> {
  return {
    required: false,
    check(given, path, problems) {
      if (typeof given !== 'object' || Array.isArray(given)) throw wrongType(given, 'Map')
      const entries = Object.entries(given)
      checkLength(entries.length, min, max, path, problems, entries.length ? undefined : '{}')
      for (const [name, one] of entries) {
        key.check(name, `${path}.${name}.key`, problems)
        if (one != null) value.check(one as NonNullable<unknown>, `${path}.${name}.member`, problems)
      }
    },
  }
}

/** A structure within the request. */
export function structure<F extends Fields>(fields: F): Rule<Checked<F> | undefined> {
  return {
    required: false,
    check(value, path, problems) {
      if (typeof value !== 'object' || Array.isArray(value)) throw wrongType(value, 'Structure')
      checkFields(value, fields, `${path}.`, problems)
    },
  }
}

/** Turns a rule into one for a member that must be there. */
export function required<T>(rule: Rule<T | undefined>): Rule<T> {
  return { required: true, check: (value, path, problems) => rule.check(value, path, problems) }
}

function checkFields(input: object, fields: Fields, prefix: string, problems: string[]): void {
  for (const name in fields) {
    const rule = fields[name]!
    const members = input as Record<string, unknown>
    const value = members[name]
    if (value === null) delete members[name]
    if (value != null) rule.check(value, prefix + memberName(name), problems)
    else if (rule.required) problems.push(broken(prefix + memberName(name), 'Member must not be null', null))
  }
}

function checkLength(
  length: number,
  min: number,
  max: number,
  path: string,
  problems: string[],
  shown?: string,
): void {
  if (length < min) {
    problems.push(broken(path, `Member must have length greater than or equal to ${min}`, shown))
  }
  if (length > max) problems.push(broken(path, `Member must have length less than or equal to ${max}`, shown))
}

/** One problem, in AWS's words; the value is left out where it is long or not text. */
export function broken(path: string, constraint: string, shown?: string | number | null): string {
  const value = shown === undefined ? '' : shown === null ? ' null' : ` '${shown}'`
  return `Value${value} at '${path}' failed to satisfy constraint: ${constraint}`
}

function memberName(name: string): string {
  return name[0]!.toLowerCase() + name.slice(1)
}

function wrongType(value: NonNullable<unknown>, expected: string): Error {
  const actual = Array.isArray(value) ? 'list' : typeof value === 'object' ? 'structure' : typeof value
  return serializationError(`A ${actual} can not be converted to a ${expected}`)
}
