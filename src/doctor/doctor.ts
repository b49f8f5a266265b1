import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { installedIn, packageOf, type Installed } from './installed.ts'
import { isWithin } from './version-range.ts'

/** What the doctor knows of a library: the versions that the tests run against, and what tdist does with it. */
interface KnownLibrary {
  readonly versions: string
  readonly what: string
}

/** The libraries that the drop-in traces where they are installed. */
export const TRACED: Readonly<Record<string, KnownLibrary>> = {
  express: { versions: '>=4.17 <6', what: 'requests are named by their routes' },
  axios: { versions: '>=1 <2', what: 'calls, by what axios stands on' },
  undici: { versions: '>=6 <9', what: 'calls, and those of fetch' },
  thrift: { versions: '>=0.12 <1', what: 'calls and servers' },
  kafkajs: { versions: '>=2 <3', what: 'messages sent and handled' },
  pg: { versions: '>=8 <9', what: 'no spans yet; callbacks keep the current span' },
}
/** The libraries that are traced by hand, or used by a sender. */
export const USED: Readonly<Record<string, KnownLibrary>> = {
  '@confluentinc/kafka-javascript': { versions: '>=1 <2', what: 'by hand: traceKafka of tdist/kafkajs' },
  '@aws-sdk/client-kinesis': { versions: '>=3.300 <4', what: 'sends spans to Kinesis' },
}

/** What `npx tdist` says of the service in `folder`, and its exit code: 1 where tdist is not installed. */
export function examine(folder: string): { readonly text: string; readonly code: number } {
  const own = installedIn(folder, 'tdist')
  const service = packageOf(folder)
  const lines = [
    own
      ? `tdist ${own.version} is installed in ${own.folder}.`
      : `tdist is not installed in ${folder}: npm install tdist`,
    service
      ? `The service is called ${service.name}, by ${service.file}; TDIST_SERVICE_NAME gives another name.`
      : 'The service has no name, and is not traced without one: set TDIST_SERVICE_NAME.',
    '',
    `It traces, on Node ${process.versions.node}:`,
    ...table([
      ['node:http', '', 'requests and calls, node:https too'],
      ['fetch', '', 'calls of Node’s own fetch'],
      ...rows(folder, TRACED),
    ]),
  ]
  const used = rows(folder, USED)
  if (used.length > 0) lines.push('', 'It also finds:', ...table(used))
  if (own) lines.push('', ...startLines(folder, own))
  lines.push(
    '',
    'Spans go to http://127.0.0.1:9411, unless TDIST_SENDER says otherwise. npx tdist-server receives and shows them.',
    '',
  )
  return { text: lines.join('\n'), code: own ? 0 : 1 }
}

function rows(folder: string, libraries: Readonly<Record<string, KnownLibrary>>): string[][] {
  return Object.entries(libraries).flatMap(([name, { versions, what }]) => {
    const found = installedIn(folder, name)
    if (!found) return []
    const isKnown = isWithin(found.version, versions)
    return [[name, found.version, isKnown ? what : `untried: the tests run against ${versions}`]]
  })
}

function startLines(folder: string, { folder: own }: Installed): string[] {
  const register = pathToFileURL(join(own, 'dist/register.cjs')).href
  const isBelow = !relative(folder, own).startsWith('..')
  return [
    'To start it so, from this folder or from any:',
    ...(isBelow ? ['  node --import tdist/register app.js'] : []),
    `  node --import ${register} app.js`,
    'For what starts Node itself (npm start, pm2, a test runner):',
    `  NODE_OPTIONS="--import=${register}"`,
  ]
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map(
    ([name, version, what]) => `  ${name!.padEnd(widths[0]!)}  ${version!.padEnd(widths[1]!)}  ${what}`,
  )
}
