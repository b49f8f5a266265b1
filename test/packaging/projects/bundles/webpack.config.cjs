const node = { mode: 'production', target: 'node20', context: __dirname }
const to = (filename, more) => ({ path: `${__dirname}/out`, filename, ...more })

// Made small in one of the forms, for that takes its time.
const large = { optimization: { minimize: false } }

module.exports = [
  { ...node, entry: './main.mjs', output: to('webpack-esm-to-cjs.cjs') },
  {
    ...node,
    ...large,
    entry: './main.mjs',
    output: to('webpack-esm.mjs', { module: true, chunkFormat: 'module' }),
    experiments: { outputModule: true },
  },
  { ...node, ...large, entry: './main.cjs', output: to('webpack-cjs.cjs') },
]
