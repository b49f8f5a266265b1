// Writes what users can name of both packages, from the declaration files as they are published, to test/api/report.txt.
// A test compares it, so that a change of the public face stands in a diff that somebody reads.
import { readFileSync, writeFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { COMMENT, Reach } from './build/declarations.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

function read(path) {
  return readFileSync(root + path, 'utf8')
}

function sections(folder) {
  const { name, exports } = JSON.parse(read(`${folder}package.json`))
  const reach = new Reach(read)
  const exported = new Set()
  const sections = []
  for (const [subpath, target] of Object.entries(exports)) {
    const types = target.require?.types ?? target.types
    if (types === undefined) continue
    const [, all] = /export \* from '(.+)\.cjs'/.exec(read(posix.join(folder, types))) ?? []
    const found = all ? [...reach.all(posix.join(folder, 'dist', `${all}.d.cts`))] : []
    for (const [, { path, name }] of found) exported.add(`${path} ${name}`)
    sections.push([posix.join(name, subpath), found.map(([as, is]) => declaration(as, is))])
  }
  const rest = [...reach.reached].flatMap(([path, { declared }]) =>
    [...declared].filter((one) => !exported.has(`${path} ${one}`)).map((one) => reach.find(path, one)),
  )
  if (rest.length > 0) {
    sections.push([`${name}: named above, and exported nowhere`, rest.map((is) => declaration(is.name, is))])
  }
  return sections
}

/** The declaration without its comments; `as` is the name that it is exported by. */
function declaration(as, { name, texts, module }) {
  if (module) return [as, `${as}: ${name} of ${module}`]
  const code = texts
    .join('\n')
    .replace(COMMENT, '')
    .replace(/^(export )?(declare )?/gm, '')
    .replace(/\n\s*(?=\n|$)/g, '')
    .trim()
  return [as, as === name ? code : `${as}: ${code}`]
}

const byName = ([a], [b]) => (a < b ? -1 : 1)
const report = ['', 'server/']
  .flatMap(sections)
  .map(([title, all]) => {
    const blocks = new Set(all.sort(byName).map(([, code]) => code))
    return [`${title}\n${'='.repeat(title.length)}`, ...(blocks.size > 0 ? blocks : ['(no names)'])].join(
      '\n\n',
    )
  })
  .join('\n\n\n')

if (process.argv[2] === '--print') process.stdout.write(`${report}\n`)
else writeFileSync(`${root}test/api/report.txt`, `${report}\n`)
