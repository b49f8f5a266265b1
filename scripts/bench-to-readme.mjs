// Fills the README's table of figures: npm run bench -- --nodes 20,24 --json FILE && node scripts/bench-to-readme.mjs FILE
import { readFileSync, writeFileSync } from 'node:fs'

const README = new URL('../README.md', import.meta.url)
const BLOCK = /(<!-- bench -->)[^]*?(<!-- \/bench -->)/

/** What the README shows: a line's words, and the rows that tdist's cell and OpenTelemetry's are made of. */
const LINES = [
  ['added to an Express request', ['express: tdist adds'], ['express: OpenTelemetry adds']],
  [
    'the same, not sampled',
    ['express, not sampled: tdist adds'],
    ['express, not sampled: OpenTelemetry adds'],
  ],
  [
    'the same with an undici call, above a bare `als.run`',
    ['undici: tdist adds'],
    ['undici: OpenTelemetry adds'],
  ],
  ['a local span', ['span: tdist, below a request'], ['span: OpenTelemetry, below a request']],
  [
    'a local span, not sampled',
    ['unsampled: tracer.trace below it'],
    ['unsampled: OpenTelemetry’s startActiveSpan'],
  ],
  [
    'added to a start',
    ['start: CPU that tdist adds', 'start: memory that tdist adds'],
    ['start: CPU that OpenTelemetry adds', 'start: memory that OpenTelemetry adds'],
  ],
  ['the same, switched off', ['disabled: CPU that tdist adds', 'disabled: memory that tdist adds'], []],
  [
    'installed',
    ['install: packages of tdist', 'install: size of tdist'],
    ['install: packages of OpenTelemetry', 'install: size of OpenTelemetry'],
  ],
]

const [file] = process.argv.slice(2)
if (!file) fail('name the file that the bench wrote: node scripts/bench-to-readme.mjs FILE')
const rows = JSON.parse(readFileSync(file, 'utf8'))
const readme = readFileSync(README, 'utf8')
if (!BLOCK.test(readme)) fail('README.md has no <!-- bench --> … <!-- /bench -->')
writeFileSync(
  README,
  readme.replace(BLOCK, (_, begin, end) => `${begin}\n\n${table()}\n\n${source()}\n\n${goals()}\n\n${end}`),
)

function table() {
  const nodes = versions()
  const heads = nodes.flatMap((node) => [`Node ${node}: tdist`, 'OpenTelemetry'])
  const lines = LINES.map(([words, own, peer]) => [
    words,
    ...nodes.flatMap((node) => [cell(node, own), cell(node, peer)]),
  ])
  return columns([['CPU time, memory, size', ...heads], ...lines])
}

/** A table of Markdown, its columns as wide as their widest cell. */
function columns(cells) {
  const widths = cells[0].map((_, column) => Math.max(...cells.map((line) => line[column].length)))
  const lines = cells.map((line) =>
    line.map((text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]))),
  )
  lines.splice(
    1,
    0,
    widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)),
  )
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n')
}

function cell(node, names) {
  if (names.length === 0) return '–'
  return names.map((name) => amount(rowOf(node, name))).join(', ')
}

function amount({ value, unit }) {
  if (value === null) return 'not measured'
  const [short] = unit.split(' ')
  if (short === 'packages') return value === 1 ? '1 package' : `${value} packages`
  if (short === 'kB' && value >= 1000) return `${Number((value / 1000).toPrecision(2))} MB`
  return `${Number(value.toPrecision(short === 'kB' ? 3 : 2))} ${short}`
}

function source() {
  const command = `npm run bench -- --nodes ${versions()
    .map((node) => node.split('.')[0])
    .join(',')}`
  const isSmoke = rows.some(({ against }) => against.includes('smoke run'))
  return (
    `Medians of \`${command}${isSmoke ? ' --quick' : ''}\`; both sides of a figure are of the same run.` +
    (isSmoke ? '\n**A smoke run, on a busy machine: not to be quoted.**' : '')
  )
}

function goals() {
  const judged = rows.filter(({ met }) => met !== null)
  const missed = judged.filter(({ met }) => !met)
  if (missed.length === 0) return `All ${judged.length} goals of the bench are met.`
  const lines = missed.map(
    ({ name, node, value, unit, goal }) =>
      `- ${name}, Node ${node}: ${value ?? 'not measured'} ${unit}, goal ${goal}`,
  )
  const summary = `${judged.length - missed.length} of the bench's ${judged.length} goals are met; these are not`
  return `<details><summary>${summary}</summary>\n\n${lines.join('\n')}\n\n</details>`
}

function versions() {
  return [...new Set(rows.map(({ node }) => node))]
}

function rowOf(node, name) {
  return (
    rows.find((row) => row.node === node && row.name === name) ??
    fail(`${file} has no row "${name}" of Node ${node}`)
  )
}

function fail(message) {
  process.stderr.write(`bench-to-readme: ${message}\n`)
  process.exit(1)
}
