import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, type Node } from 'acorn'

/** A function that can be made to fail. Its number is its place in the list. */
export interface FaultPoint {
  /** File and enclosing names. */
  readonly name: string
  /** In the built file. */
  readonly line: number
  /** What can be put into it: a throw (a rejection where it is async), a rejection, a promise that never settles. */
  readonly kinds: readonly FaultKind[]
}

export type FaultKind = 'throw' | 'reject' | 'hang'

/**
 * Copies a built tree, with a call of `globalThis.tdistFault(number)` at the head of every function of it; where a
 * function guards itself, at the head of what it guards; where it leaves all to a guard, in what that runs. That one throws for a throw, returns a promise for the
 * other kinds, and nothing when the function is to work.
 */
export function copyWithFaultPoints(from: string, to: string): FaultPoint[] {
  rmSync(to, { recursive: true, force: true })
  mkdirSync(to, { recursive: true })
  cpSync(from, to, { recursive: true })
  const points: FaultPoint[] = []
  for (const file of readdirSync(to, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!file.endsWith('.js')) continue
    const path = join(to, file)
    writeFileSync(path, withFaultPoints(file.replaceAll('\\', '/'), readFileSync(path, 'utf8'), points))
  }
  return points
}

type Tree = Node & Record<string, unknown>

function withFaultPoints(file: string, source: string, points: FaultPoint[]): string {
  const inserts: { at: number; text: string }[] = []

  function visit(node: Tree, names: readonly string[], ownName: string | undefined): void {
    const name = ownName ?? nameOf(node)
    if (!isFunction(node)) {
      const within = name !== undefined && node.type.startsWith('Class') ? [...names, name] : names
      for (const [child, childName] of childrenOf(node)) visit(child, within, childName)
      return
    }
    const within = [...names, name ?? 'anonymous']
    if (!leavesItToGuard(node['body'] as Tree)) insert(node, within)
    for (const [child, childName] of childrenOf(node)) visit(child, within, childName)
  }

  function insert(node: Tree, names: readonly string[]): void {
    const body = node['body'] as Tree
    const isAsync = node['async'] === true
    const givesPromise = !isAsync && returnsPromise(body)
    const number = points.length
    const line = source.slice(0, node.start).split('\n').length
    points.push({
      name: `${file} ${names.join(' > ')}`,
      line,
      kinds: isAsync ? ['throw', 'hang'] : givesPromise ? ['throw', 'reject', 'hang'] : ['throw'],
    })
    const call = `globalThis.tdistFault?.(${number})`
    const check = isAsync
      ? `{ const fault = ${call}; if (fault) await fault }`
      : givesPromise
        ? `{ const fault = ${call}; if (fault) return fault }`
        : `${call};`
    if (body.type === 'BlockStatement') {
      inserts.push({ at: guardedBlockOf(body).start + 1, text: check })
    } else {
      // What stands between the arrow and the expression is a parenthesis that acorn leaves out of the tree.
      const arrow = source.lastIndexOf('=>', body.start) + 2
      inserts.push({ at: arrow, text: ` { ${check} return (` }, { at: node.end, text: ') }' })
    }
  }

  visit(parse(source, { ecmaVersion: 'latest', sourceType: 'module' }) as Node as Tree, [], undefined)
  // Of two at the same place the one that was found last, further in, ends first.
  let text = source
  const ordered = inserts
    .map((insert, found) => ({ ...insert, found }))
    .sort((a, b) => b.at - a.at || a.found - b.found)
  for (const { at, text: inserted } of ordered) text = text.slice(0, at) + inserted + text.slice(at)
  return text
}

function isFunction({ type }: Node): boolean {
  return type === 'FunctionDeclaration' || type === 'FunctionExpression' || type === 'ArrowFunctionExpression'
}

function nameOf(node: Tree): string | undefined {
  return (node['id'] as { name?: string } | null | undefined)?.name
}

/** The nodes within a node, each with the name that it is given here. */
function childrenOf(node: Tree): [Tree, string | undefined][] {
  const children: [Tree, string | undefined][] = []
  for (const [field, value] of Object.entries(node)) {
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (!isNode(child)) continue
      children.push([child, givenName(node, field)])
    }
  }
  return children
}

function givenName(node: Tree, field: string): string | undefined {
  switch (node.type) {
    case 'MethodDefinition':
    case 'PropertyDefinition':
    case 'Property':
      return field === 'value' ? keyOf(node['key'] as Tree) : undefined
    case 'VariableDeclarator':
      return field === 'init' ? nameOf(node) : undefined
    case 'CallExpression':
    case 'NewExpression':
      return field === 'arguments' ? `in ${keyOf(node['callee'] as Tree)}()` : undefined
    default:
      return undefined
  }
}

function keyOf(node: Tree): string {
  if (node.type === 'MemberExpression') return keyOf(node['property'] as Tree)
  const name = (node['name'] ?? node['raw'] ?? node.type) as string
  return node.type === 'PrivateIdentifier' ? `#${name}` : name
}

/** Ours that run a function and catch what it throws. */
const GUARDS = ['guarded', 'tracedOnce']

/** Whether a function leaves its work to a guard: the fault is then that of the function which the guard runs. */
function leavesItToGuard(body: Tree): boolean {
  const statements = body.type === 'BlockStatement' ? (body['body'] as Tree[]) : [body]
  return statements.some((statement) => {
    const call = (statement['argument'] ?? statement['expression'] ?? statement) as Tree
    return call.type === 'CallExpression' && GUARDS.includes(keyOf(call['callee'] as Tree))
  })
}

/** Where a function's own fault stands: within its guard, if it has one. */
function guardedBlockOf(body: Tree): Tree {
  const guard = (body['body'] as Tree[]).find(({ type }) => type === 'TryStatement')
  return guard?.['handler'] ? (guard['block'] as Tree) : body
}

/** Whether a function of this body says `return new Promise`, itself. */
function returnsPromise(node: Tree): boolean {
  if (node.type === 'NewExpression') return keyOf(node['callee'] as Tree) === 'Promise'
  if (node.type === 'ReturnStatement') {
    return (
      isNode(node['argument']) &&
      node['argument'].type === 'NewExpression' &&
      returnsPromise(node['argument'])
    )
  }
  if (node.type !== 'BlockStatement') return false
  return (node['body'] as Tree[]).some((statement) => returnsPromise(statement))
}

function isNode(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}
