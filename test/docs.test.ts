import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** What is installed, built or unpacked is nobody's page here. */
const NOT_OURS = ['node_modules', 'build', 'dist', '.cache', '.git']
/** A path with one of these in it is an example of what a reader may make. */
const EXAMPLE = /amqplib|<.*>|[*…]/

const pages = pagesIn('.')

describe('the documentation', () => {
  for (const page of pages) {
    it(`${page} leads nowhere that is not there`, () => {
      const links = [...prose(page).matchAll(/\]\((?!\w+:)([^)\s]*)\)/g)].map(([, link]) => link!)
      const broken = links.filter((link) => {
        const [file, heading] = link.split('#', 2)
        const target = file ? join(dirname(page), file) : page
        if (!existsSync(join(ROOT, target))) return true
        return heading !== undefined && !headingsOf(target).includes(heading)
      })
      assert.deepEqual(broken, [])
    })

    it(`${page} names no file that is not there`, () => {
      // A page of changes speaks of what was.
      if (page === 'CHANGELOG.md') return
      const named = [...prose(page).matchAll(/`((?:src|test|docs|bench|examples|scripts|server)\/[^`\s]*)`/g)]
      const missing = named
        .map(([, path]) => path!)
        .filter((path) => !EXAMPLE.test(path) && !existsSync(join(ROOT, path)))
      assert.deepEqual(missing, [])
    })

    it(`${page} names no script that package.json has not`, () => {
      const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }
      const named = [...text(page).matchAll(/\bnpm run (?:--\S+ )*([\w:]+)/g)].map(([, name]) => name!)
      assert.deepEqual(
        named.filter((name) => !(name in scripts)),
        [],
      )
    })
  }

  it('has an index that leads to every page', () => {
    const listed = [...text('docs/README.md').matchAll(/^- .*?\]\(([^)]*)\)/gm)].map(([, file]) => file!)
    const pagesOfDocs = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md')
    assert.deepEqual(listed.sort(), pagesOfDocs.map((page) => page.slice('docs/'.length)).sort())
  })

  it('says of every folder what it is for', () => {
    const said = [...text('docs/how-it-works.md').matchAll(/^\| `([^`]*)`/gm)].map(([, folder]) => folder!)
    const folders = ['src', 'server/src'].flatMap((parent) =>
      readdirSync(join(ROOT, parent), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => `${parent}/${name}`),
    )
    assert.deepEqual(said.sort(), folders.sort())
  })

  it('says every variable that is read, and no other', () => {
    const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    const read = sources
      .filter((file) => /\.c?ts$/.test(file))
      .flatMap((file) => text(join('src', file)).match(/TDIST_[A-Z_]*[A-Z]/g) ?? [])
    const said = [...text('docs/options.md').matchAll(/^\| `(TDIST_\w+)`/gm)].map(([, name]) => name!)
    assert.deepEqual(said.sort(), [...new Set(read)].sort())
  })

  for (const [heading, file, name] of [
    ['`createTracing`', 'src/options/tracing-options.ts', 'TracingOptions'],
    ['`http`', 'src/options/http-rules.ts', 'HttpRules'],
    ['`thrift`', 'src/options/thrift-options.ts', 'ThriftOptions'],
    ['`kafka`', 'src/options/kafka-options.ts', 'KafkaOptions'],
    ['`publisher`', 'src/publisher/publisher-options.ts', 'PublisherOptions'],
    ['**`httpSender`**', 'src/publisher/senders/http-sender.ts', 'HttpSenderOptions'],
    ['**`kinesisSender`**', 'src/publisher/senders/kinesis-sender.ts', 'KinesisSenderOptions'],
    ['**`kafkaSender`**', 'src/publisher/senders/kafka-sender.ts', 'KafkaSenderOptions'],
  ] as const) {
    it(`says every option of ${name}, and no other`, () => {
      const taken = optionsOf(name, file)
      const page = text('docs/options.md')
      const table = page.slice(page.indexOf(`${heading}\n`))
      const said = /^\|[^]*?\n(?!\|)/m.exec(table)![0].split('\n').slice(2)
      const options = said.flatMap((row) => (row.split('|')[1] ?? '').match(/\w+/g) ?? [])
      assert.deepEqual(options.sort(), taken.sort())
    })
  }
})

/** Interfaces that others extend, and where they are. */
const EXTENDED: Readonly<Record<string, string>> = { KinesisClientOptions: 'src/kinesis/sdk.ts' }

function optionsOf(name: string, file: string): string[] {
  const [, parent, body] = new RegExp(`interface ${name} (?:extends (\\w+) )?\\{\n([^]*?)\n\\}`).exec(
    text(file),
  )!
  const own = [...body!.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, option]) => option!)
  return parent === undefined ? own : [...own, ...optionsOf(parent, EXTENDED[parent]!)]
}

function pagesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return NOT_OURS.includes(entry.name) ? [] : pagesIn(path)
    return entry.isFile() && entry.name.endsWith('.md') ? [path] : []
  })
}

function text(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

/** A page without its programs, which name the reader's own files. */
function prose(page: string): string {
  return text(page).replace(/^```[^]*?^```$/gm, '')
}

/** A page's headings as GitHub makes links of them. */
function headingsOf(page: string): string[] {
  return [...prose(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
