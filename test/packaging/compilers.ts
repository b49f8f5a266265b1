/** A compiler's options, as tsconfig.json has them. */
export type Mode = Readonly<Record<string, string>>

const node16: Mode = { module: 'node16' }
const node18: Mode = { module: 'node18' }
const node20: Mode = { module: 'node20' }
const nodenext: Mode = { module: 'nodenext' }
/** For a bundler. */
const preserve: Mode = { module: 'preserve', moduleResolution: 'bundler' }
/** As a service of some years has it. */
const node10: Mode = { module: 'commonjs', moduleResolution: 'node10', target: 'es2020' }
const commonjs: Mode = { module: 'commonjs', moduleResolution: 'bundler' }

/** What users compile with: by its name in the suite's lockfile, in all the ways it has to find a package. */
export const COMPILERS: Readonly<Record<string, readonly Mode[]>> = {
  typescript54: [node10, node16, nodenext, preserve],
  typescript: [node10, node16, node18, node20, nodenext, preserve],
  typescript7: [commonjs, node16, node18, node20, nodenext, preserve],
}
