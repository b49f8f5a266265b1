// Reads the declaration files that the compiler writes, and tells what of them a user can reach. The compiler cannot be
// asked; but what it writes is regular: a line that begins at the left edge begins a statement.
import { posix } from 'node:path'

/**
 * A declaration file. `imports`: by the name used here, where it comes from (`from`), under which name (`name`), and
 * whether as a type alone. `passedOn`: the same for what is exported from elsewhere. `declared`: the texts of each name.
 */
export function readDeclarations(text) {
  const file = { imports: new Map(), passedOn: new Map(), declared: new Map() }
  for (const statement of statementsOf(text)) {
    const code = statement.replace(COMMENT, '').trim()
    const from = /\bfrom '([^']+)';$/.exec(code)?.[1]
    const [, star] = /^import (?:type )?\* as (\w+)/.exec(code) ?? []
    const [, , type, names] = /^(import|export) (type )?\{([^}]*)\}/.exec(code) ?? []
    if (star) file.imports.set(star, { from, name: '*', type: true })
    else if (names !== undefined) {
      for (const one of named(names, type !== undefined)) {
        if (code.startsWith('import')) file.imports.set(one.as, { from, ...one })
        else file.passedOn.set(one.as, { from, ...one })
      }
    } else {
      const [, name] = DECLARED.exec(code) ?? []
      if (name === undefined) throw new Error(`not understood: ${code}`)
      file.declared.set(name, [...(file.declared.get(name) ?? []), statement])
    }
  }
  return file
}

/** What is not code. */
export const COMMENT = /\/\*[^]*?\*\/|\/\/.*/g
const DECLARED =
  /^(?:export )?(?:declare )?(?:abstract )?(?:async )?(?:class|const|function|interface|let|type|enum|namespace) ([\w$]+)/

function named(names, type) {
  return names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .map((name) => {
      const [, own, first, as = first] = /^(type )?([\w$]+)(?: as ([\w$]+))?$/.exec(name)
      return { name: first, as, type: type || own !== undefined }
    })
}

/** Each with the comment before it. */
function statementsOf(text) {
  return (text.match(STATEMENT) ?? []).map((statement) => statement.trimEnd())
}
const STATEMENT =
  /^(?:\/\*[^]*?\*\/\n|\/\/.*\n)*(?:import|export|declare|type|interface)\b[^]*?(?=\n(?:[a-z]|\/[*/])|$(?![^]))/gm

/** What users can reach of declaration files: what some of them export, and whatever that names. */
export class Reach {
  /** By path: what is reached of the file, each by name: of its `imports`, of what is `passedOn`, and `declared`. */
  reached = new Map()
  #files = new Map()
  #read

  /** `read` gives the text of the declaration file at a path. */
  constructor(read) {
    this.#read = read
  }

  /** Adds all that a file exports. By the name: what that is, in the end. */
  all(path) {
    const { declared, passedOn } = this.#file(path)
    const exported = [...declared].filter(([, texts]) => texts.some((text) => EXPORTED.test(text)))
    const names = [...exported.map(([name]) => name), ...passedOn.keys()]
    return new Map(names.map((name) => [name, this.#exported(path, name)]))
  }

  #exported(path, name) {
    const passedOn = this.#file(path).passedOn.get(name)
    if (passedOn === undefined) return this.#seen(path, name)
    this.reached.get(path).passedOn.add(name)
    return passedOn.from === undefined ? this.#seen(path, passedOn.name) : this.#from(path, passedOn)
  }

  /** A name as the file itself uses it. */
  #seen(path, name) {
    const { declared, imports } = this.#file(path)
    const reached = this.reached.get(path)
    if (!declared.has(name)) {
      reached.imports.add(name)
      return this.#from(path, imports.get(name))
    }
    if (!reached.declared.has(name)) {
      reached.declared.add(name)
      for (const word of wordsOf(declared.get(name)))
        if (declared.has(word) || imports.has(word)) this.#seen(path, word)
    }
    return this.find(path, name)
  }

  /** What a file declares under a name. */
  find(path, name) {
    return { path, name, texts: this.#file(path).declared.get(name) }
  }

  /** A package's names are its own. */
  #from(path, { from, name }) {
    if (!from.startsWith('.')) return { module: from, name }
    return this.#exported(posix.join(posix.dirname(path), from.replace(/\.(c?)[jt]s$/, '.d.$1ts')), name)
  }

  /** What is reached of a file, as a declaration file. */
  print(path) {
    const file = this.#file(path)
    const { imports, passedOn, declared } = this.reached.get(path)
    const texts = [...file.declared].filter(([name]) => declared.has(name)).flatMap(([, all]) => all)
    return [
      ...linesOf('import', file.imports, imports),
      ...linesOf('export', file.passedOn, passedOn),
      ...texts.map((text) => text.replace(/^( {4})+/gm, (indent) => indent.slice(indent.length / 2))),
      // Without one, all that a declaration file declares is exported.
      ...(texts.every((text) => EXPORTED.test(text)) ? [] : ['export {};']),
    ].join('\n')
  }

  #file(path) {
    if (!this.#files.has(path)) {
      this.#files.set(path, readDeclarations(this.#read(path)))
      this.reached.set(path, { imports: new Set(), passedOn: new Set(), declared: new Set() })
    }
    return this.#files.get(path)
  }
}

const EXPORTED = /^export /m

/** The words of a declaration: what it speaks of is among them. */
function wordsOf(texts) {
  const code = texts
    .join('\n')
    .replace(COMMENT, '')
    .replace(/'[^']*'/g, '')
  return new Set(code.match(/(?<![\w$.])[A-Za-z_$][\w$]*/g))
}

function linesOf(keyword, all, wanted) {
  const lines = new Map()
  for (const [as, { from, name, type }] of all) {
    if (!wanted.has(as)) continue
    if (name === '*') lines.set(`* as ${as}`, `import type * as ${as} from '${from}';`)
    else {
      const key = `${type ? `${keyword} type` : keyword} ${from}`
      lines.set(key, [...(lines.get(key) ?? []), name === as ? name : `${name} as ${as}`])
    }
  }
  return [...lines].map(([key, names]) => {
    if (typeof names === 'string') return names
    const [, words, from] = /^(.*) (\S+)$/.exec(key)
    return `${words} { ${names.join(', ')} }${from === 'undefined' ? '' : ` from '${from}'`};`
  })
}
