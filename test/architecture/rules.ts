import { posix } from 'node:path'
import { MAY_IMPORT, PEERS, PROTOCOLS } from './floors.ts'
import { arrow, folderOf, importsOf, type Import, type Sources } from './sources.ts'

/** What every folder and file must keep to: by its sentence, what breaks it. */
export const RULES: Readonly<Record<string, (sources: Sources) => readonly string[]>> = {
  'every folder has a place in the table': (sources) =>
    unique([...sources.keys()].map(folderOf)).filter(
      (folder) => !ENTRIES.includes(folder) && !(folder in MAY_IMPORT),
    ),

  'a folder imports only what stands below it': (sources) =>
    ours(sources)
      .filter(({ from, to }) => {
        const [folder, target] = [folderOf(from), folderOf(to)]
        return !ENTRIES.includes(folder) && folder !== target && !MAY_IMPORT[folder]?.includes(target)
      })
      .map(arrow),

  'no file comes back to itself by what it imports': circles,

  'a library imports its own protocol, and no other': (sources) =>
    ours(sources)
      .filter(({ from, to }) => {
        const known = PROTOCOLS[folderOf(from)]
        return known && folderOf(to) === 'transports/protocols' && !known.includes(posix.basename(to, '.ts'))
      })
      .map(arrow),

  'a package of the service’s is named only where it is traced or used': (sources) =>
    ofService(sources)
      .filter(({ from, to }) => {
        const peer = Object.keys(PEERS).find((name) => to === name || to.startsWith(`${name}/`))
        return peer !== undefined && !PEERS[peer]!.some((place) => from.startsWith(place))
      })
      .map(arrow),

  'no other package is imported': (sources) =>
    ofService(sources)
      .filter(({ to }) => !/^(src\/|node:)/.test(to))
      .filter(({ to }) => !Object.keys(PEERS).some((name) => to === name || to.startsWith(`${name}/`)))
      .filter(({ to, typeOnly }) => !typeOnly || !to.startsWith('@types/'))
      .map(arrow),

  'what runs in a service takes time and luck from where they were taken early': (sources) =>
    [...sources].flatMap(([file, source]) => {
      if (file.startsWith('server/') || TAKES_TIME.includes(file)) return []
      const found = FAKED.exec(source.replace(/\/\*[^]*?\*\/|\/\/.*/g, ''))
      return found ? [`${file}: ${found[0]}`] : []
    }),

  'no top-level await': (sources) =>
    matching(sources, /^((export )?(const|let) .*= |\w.* = )?(for )?await /m),
  'no default export': (sources) => matching(sources, /^export default /m),
  'no export of everything': (sources) => matching(sources, /^export \* /m),

  'no file or folder bears a name that says nothing': (sources) =>
    [...sources.keys()].filter((file) =>
      /\/(utils?|common|helpers?|types|constants|misc|shared)(\.c?ts$|\/)/.test(file),
    ),

  'no file is longer than one sitting: 300 lines': (sources) =>
    [...sources].filter(([, source]) => source.trimEnd().split('\n').length > 300).map(([file]) => file),

  'no folder has more than 15 files side by side': (sources) => {
    const folders = [...sources.keys()].map((file) => posix.dirname(file))
    return unique(folders).filter((folder) => folders.filter((one) => one === folder).length > 15)
  },
}

/** What fakes of time replace, and `Math.random`. */
const FAKED =
  /(?<![.\w#])(setTimeout|setInterval|setImmediate|clearTimeout|clearInterval|clearImmediate|queueMicrotask|performance|process\.(hrtime|nextTick)|Date\.now|new Date|AbortSignal\.timeout|Math\.random)\b|node:(timers|perf_hooks)/
/** These take it, before anybody replaces it. */
const TAKES_TIME = ['src/host/clock.ts', 'src/host/timers.ts']

/** The files beside the folders, which put together what stands in these. */
const ENTRIES = ['entries', 'server']

/** What the half that runs in a service imports: the server has dependencies, as a product has. */
function ofService(sources: Sources): Import[] {
  return importsOf(sources).filter(({ from }) => from.startsWith('src/'))
}

function ours(sources: Sources): Import[] {
  return importsOf(sources).filter(({ to }) => /^(src|server\/src)\//.test(to))
}

/** Every circle of imports, types included, from its first file round to it again; one for each file that closes one. */
function circles(sources: Sources): string[] {
  const next = new Map<string, string[]>()
  for (const { from, to } of ours(sources)) next.set(from, [...(next.get(from) ?? []), to])
  const done = new Set<string>()
  const found: string[] = []
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(' -> '))
    if (path.includes(file) || done.has(file)) return
    for (const to of next.get(file) ?? []) walk(to, [...path, file])
    done.add(file)
  }
  for (const file of sources.keys()) walk(file, [])
  return found
}

function matching(sources: Sources, pattern: RegExp): string[] {
  return [...sources].filter(([, source]) => pattern.test(source)).map(([file]) => file)
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)]
}
