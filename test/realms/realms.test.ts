import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const SCENARIO = fileURLToPath(new URL('scenario.js', import.meta.url))
const CALLS = ['axios by http', 'axios by fetch', 'fetch', 'node:http']

/** What {@link SCENARIO} answers, in a process of its own. */
async function scenario(name: string, nodeOptions: readonly string[] = []): Promise<unknown> {
  const env = { ...process.env, NODE_OPTIONS: '', TDIST_SENDER: 'none', TDIST_SERVICE_NAME: 'own' }
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...nodeOptions, SCENARIO, name], {
    env,
  })
  assert.equal(stderr, '')
  return JSON.parse(stdout)
}

/** The spans of a call in a test, and of the server that answers. */
function traced(file: string, call: string): string[] {
  return [`${file} CLIENT GET`, `${file} LOCAL ${call}`, `${file} SERVER GET`, 'in 1 trace']
}

/** What `explicit` answers where nothing is amiss. */
function explicit(file: string): string {
  const seen = CALLS.flatMap(() => ['response finish true', 'request end true'])
  return [...CALLS.flatMap((call) => traced(file, call)), ...seen, 'response end true'].join('\n')
}

function installed(file: string): string {
  return traced(file, 'node:http').join('\n')
}

function rest(file: string): string {
  const settled = `true value true ${file} LOCAL rejected failed: refused,${file} LOCAL resolved,in 2 trace`
  const refused = `${file} CLIENT GET failed: connect ECONNREFUSED 127.0.0.1:1,in 1 trace`
  return [`${file} LOCAL work,in 1 trace true`, settled, refused, 'true', '{}'].join('\n')
}

const all = ['first', 'second', 'third'].map((file) => [explicit(file), installed(file), rest(file)])

describe('copies of the package in realms of their own, as in a test runner', () => {
  it('each of several equal files has its spans, whatever those before have left', async () => {
    assert.deepEqual(await scenario('files'), all)
  })

  it('so it is beside a copy that is there for good, whose calls are traced too', async () => {
    assert.deepEqual(await scenario('beside'), all)
  })

  it('under the drop-in a file that traces by itself has the spans of what it traces', async () => {
    const dropIn = ['--import', 'tdist/register']
    const spans = (file: string) =>
      [`${file} CLIENT GET`, `${file} LOCAL axios by http`, 'in 1 trace'].join('\n')
    const expected = ['first', 'second'].map((file) => [spans(file), '0', rest(file)])
    assert.deepEqual(await scenario('droppedIn', dropIn), expected)
  })

  it('nothing of a realm that has ended is held', async () => {
    const quiet = ['--disable-warning=ExperimentalWarning']
    assert.equal(await scenario('ended', quiet), 0)
  })

  it('a wrapper that somebody has left over ours goes on, and a call below it is one span', async () => {
    const spans = [installed('first'), installed('second')]
    assert.deepEqual(await scenario('wrappers'), [...spans, '1', explicit('second'), '{}'])
  })

  it('the undo of each takes back its own, and the last leaves Node as it was', async () => {
    const spans = [installed('first'), installed('second'), installed('first')]
    assert.deepEqual(await scenario('undone'), [...spans, true])
  })

  it('a copy whose version shares otherwise is left alone', async () => {
    assert.deepEqual(await scenario('versions'), all)
  })

  it('promises and errors of another realm are what they are', async () => {
    assert.deepEqual(await scenario('foreign'), [true, true, 'not here', 'not here'])
  })

  it('two copies in one realm share what one has installed', async () => {
    const spans = [installed('first'), explicit('first'), '0', rest('first')]
    assert.deepEqual(await scenario('copies'), spans)
  })
})
