import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { TestContext } from 'node:test'
import { startProgram } from '../support/program.ts'
import { startSpanSink } from '../support/span-sink.ts'
import { SUITE, type Workshop } from './workshop.ts'

/** A project of a user's, as its package.json describes it. */
export interface Project {
  readonly name: string
  readonly title: string
  /** Whether it is for this Node: all are for 24, and those that say so for every one. */
  readonly isForThisNode: boolean
  readonly packages: readonly string[]
  /** What its user runs. */
  readonly test: string
  /** The spans that it sends: service, kind and name, and how many are alike. */
  readonly spans: Readonly<Record<string, number>>
  /** The lines that tdist says, and how often. */
  readonly says: Readonly<Record<string, number>>
}

interface Manifest {
  readonly description: string
  readonly scripts: { readonly test: string }
  readonly dependencies?: object
  readonly devDependencies?: object
  readonly expected?: Partial<Pick<Project, 'spans' | 'says'>> & { readonly everyNode?: boolean }
}

export function readProject(name: string): Project {
  const text = readFileSync(`${SUITE}/projects/${name}/package.json`, 'utf8')
  const { description, scripts, dependencies, devDependencies, expected = {} } = JSON.parse(text) as Manifest
  return {
    name,
    title: description,
    isForThisNode: expected.everyNode === true || process.versions.node.startsWith('24.'),
    packages: Object.keys({ ...dependencies, ...devDependencies }),
    test: scripts.test,
    spans: expected.spans ?? {},
    says: expected.says ?? {},
  }
}

/** Does with a project what its user does. Rejects when its own test fails, or tdist says or sends other than expected. */
export async function checkProject(t: TestContext, workshop: Workshop, project: Project): Promise<void> {
  const folder = workshop.make(project.name, project.packages)
  const sink = await startSpanSink()
  t.after(() => sink.close())
  const { ended, said } = startProgram(t, folder, ['sh', '-c', project.test], {
    // What npm adds, with the Node that this test runs on.
    PATH: `${workshop.installed}/.bin:${dirname(process.execPath)}:${process.env['PATH']}`,
    TDIST_ZIPKIN_URL: sink.url,
    // For what tools keep from run to run.
    TMPDIR: workshop.folder,
  })
  assert.equal(await ended, 0, said.out + said.err)
  const spans = sink.spans.map(
    ({ localEndpoint, kind, name }) => `${localEndpoint?.serviceName} ${kind} ${name}`,
  )
  const lines = `${said.out}${said.err}`.split('\n').filter((line) => line.includes('tdist:'))
  assert.deepEqual(counted(spans), project.spans)
  assert.deepEqual(counted(lines), project.says)
}

function counted(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1
  return counts
}
