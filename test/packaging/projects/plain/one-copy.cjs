// Each subpath in a process of its own, for none may need another, nor the library that it traces.
const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const { exports: subpaths } = require('tdist/package.json')

const compare = `
  const required = require(process.argv[1])
  import(process.argv[1]).then((imported) => {
    const differ = Object.keys(required).filter((name) => required[name] !== imported[name])
    console.log(differ.length === 0 ? 'one copy' : \`two copies of \${differ}\`)
  })`

for (const subpath in subpaths) {
  if (subpath.endsWith('.json')) continue
  const name = `tdist${subpath.slice(1)}`
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', compare, name], {
    encoding: 'utf8',
    env: { ...process.env, TDIST_SERVICE_NAME: 'test', TDIST_SENDER: 'none' },
  })
  assert.deepEqual({ name, stdout, stderr }, { name, stdout: 'one copy\n', stderr: '' })
}
