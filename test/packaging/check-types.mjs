// Run as `node check-types.mjs <compiler's folder> <modes as JSON> <project>...`: compiles the projects in each mode, and
// prints what is wrong in them and in the packages that are in them. What is linked into them is others': it is left out,
// and where the compiler tells, said.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'

const [compiler, modes, ...projects] = process.argv.slice(2)
const require = createRequire(import.meta.url)
const { version } = require(`${compiler}/package.json`)
// From 7 on it is no JavaScript.
const ts = Number.parseInt(version) < 7 ? require(compiler) : undefined
const errorsIn = ts ? errorsByApi : errorsByCommand

const errors = []
const others = new Set()
for (const mode of JSON.parse(modes)) {
  for (const project of projects) {
    for (const error of errorsIn(project, mode)) errors.push(`${Object.values(mode).join(', ')}: ${error}`)
  }
}
console.log(JSON.stringify({ version, errors, others: [...others] }))

/** Spares most of the time: what is others' is read and not checked, and one process does all modes. */
function errorsByApi(project, mode) {
  const config = ts.readConfigFile(join(project, 'tsconfig.json'), ts.sys.readFile).config
  Object.assign(config.compilerOptions, mode)
  const { fileNames, options, errors: wrong } = ts.parseJsonConfigFileContent(config, ts.sys, project)
  const program = ts.createProgram({ rootNames: fileNames, options })
  const ours = program.getSourceFiles().filter(({ fileName }) => isOurs(relative(project, fileName)))
  const found = [
    ...wrong,
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...ours.flatMap((file) => [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
    ]),
  ]
  const names = {
    getCurrentDirectory: () => project,
    getCanonicalFileName: (name) => name,
    getNewLine: () => '\n',
  }
  return found.map((one) => ts.formatDiagnostic(one, names).trim())
}

function errorsByCommand(project, mode) {
  const options = Object.entries(mode).flatMap(([name, value]) => [`--${name}`, value])
  const command = [join(compiler, 'bin/tsc'), '-p', project, '--pretty', 'false', ...options]
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: project, encoding: 'utf8' })
  if (status === 0) return []
  // A line more that belongs to an error begins with a space.
  const found = stdout.split('\n').filter((line) => /^\S/.test(line))
  const foreign = found.filter((line) => /^[^(]+\(\d+,\d+\): /.test(line) && !isOurs(line))
  for (const line of foreign) others.add(line)
  if (found.length === 0) return [`the compiler failed: ${stderr}`]
  return found.filter((line) => !foreign.includes(line))
}

function isOurs(path) {
  return !path.startsWith('..')
}
