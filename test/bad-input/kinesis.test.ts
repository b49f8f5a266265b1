import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Fault } from '#server/local-kinesis/fault.js'
import {
  startLocalKinesis,
  type LocalKinesis,
  type LocalKinesisOptions,
} from '#server/local-kinesis/local-kinesis.js'
import { freePorts } from '../support/free-ports.ts'
import {
  assertBalanced,
  dropIn,
  everyday,
  everydayUntraced,
  linesOf,
  NOT_SENT,
  run,
  speaks,
  type Run,
  type Service,
} from './service.ts'

const again = 'tdist: spans could not be sent and will be tried again: '
const stream = 'Kinesis stream spans'
/** Nobody listens to it; where it stands nobody is asked. */
const NOWHERE = 'http://127.0.0.1:9'
/** Not on this machine, so that it is no emulator. Never called: there is no such name. */
const ELSEWHERE = 'http://kinesis.invalid:9'
const rejected = 'tdist: N spans dropped: rejected: '

/** What the stream does with every call, and what the service says of it. */
const faults: Record<string, readonly [Fault, ...string[]]> = {
  'takes everything': [{}],
  'refuses the caller': [
    { error: 'AccessDeniedException', message: 'not you' },
    `${again}${stream}: AccessDeniedException: not you`,
    NOT_SENT,
  ],
  'refuses the call': [
    { error: 'InvalidArgumentException', message: 'not so' },
    `${rejected}${stream}: InvalidArgumentException: not so`,
  ],
  throttles: [
    { error: 'ProvisionedThroughputExceededException', message: 'slow down' },
    `${again}too much at once for the collector`,
    NOT_SENT,
  ],
  fails: [{ error: 'InternalFailure', message: 'oh' }, `${again}${stream}: InternalFailure: oh`, NOT_SENT],
  'breaks the connection': [{ reset: true }, `${again}${stream}: read ECONNRESET`, NOT_SENT],
  'never answers': [{ hang: true }, NOT_SENT],
}

describe('whatever Kinesis does, the service does as it does untraced', { concurrency: 3 }, () => {
  async function check(service: Service, expected: readonly string[] | undefined): Promise<Run> {
    const traced = await run(service, everyday, { speaks: expected === undefined || speaks(expected) })
    const { answers, end } = await everydayUntraced()
    assert.deepEqual(traced.answers, answers)
    assert.deepEqual(traced.end, end)
    if (expected) assert.deepEqual(linesOf(traced), expected)
    assertBalanced(traced)
    return traced
  }

  for (const [name, [fault, ...expected]] of Object.entries(faults)) {
    it(`a stream that ${name}`, async () => {
      await using kinesis = await embedded({
        streams: { spans: 1 },
        fault: ({ at, operation }) => (at === 'request' && operation === 'PutRecords' ? fault : undefined),
      })
      await check(dropIn(environment(kinesis.endpoint)), expected)
    })
  }

  it('a stream that is not there', async () => {
    await using kinesis = await embedded()
    await check(dropIn(environment(kinesis.endpoint)), [
      `${again}${stream}: ResourceNotFoundException: Stream spans under account 000000000000 not found.`,
      NOT_SENT,
    ])
  })

  it('a stream of no possible name', async () => {
    await using kinesis = await embedded()
    const { stderr } = await check(
      dropIn({ ...environment(kinesis.endpoint), TDIST_KINESIS_STREAM: 'my spans' }),
      undefined,
    )
    assert.match(
      stderr,
      /^tdist: \d+ spans dropped: rejected: Kinesis stream my spans: ValidationException: .*\n$/,
    )
  })

  it('an endpoint that is not there', async () => {
    const [port] = await freePorts(1)
    await check(dropIn(environment(`http://127.0.0.1:${port}`)), [
      `${again}${stream}: connect ECONNREFUSED 127.0.0.1:${port}`,
      NOT_SENT,
    ])
  })

  it('no region', async () => {
    const none = { AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined }
    await check(dropIn({ ...environment(ELSEWHERE), ...none }), [
      `${again}${stream}: Region is missing; give the region, or set AWS_REGION`,
      NOT_SENT,
    ])
  })

  it('no credentials', async () => {
    const none = { AWS_ACCESS_KEY_ID: undefined, AWS_EC2_METADATA_DISABLED: 'true' }
    await check(dropIn({ ...environment(ELSEWHERE), ...none }), [
      `${again}${stream}: CredentialsProviderError: Could not load credentials from any providers`,
      NOT_SENT,
    ])
  })

  it('neither, and an emulator on this machine', async () => {
    await using kinesis = await embedded({ streams: { spans: 1 } })
    const none = { AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined, AWS_ACCESS_KEY_ID: undefined }
    await check(dropIn({ ...environment(kinesis.endpoint), ...none }), [])
    assert.ok(kinesis.records('spans').length > 0)
  })

  it('no SDK', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tdist-'))
    try {
      await check(withoutSdk(folder), [
        `${rejected}tdist/kinesis needs @aws-sdk/client-kinesis: npm install it`,
      ])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

async function embedded(options?: LocalKinesisOptions): Promise<LocalKinesis & AsyncDisposable> {
  const kinesis = await startLocalKinesis(options)
  return { ...kinesis, [Symbol.asyncDispose]: () => kinesis.close() }
}

function environment(endpoint: string): Record<string, string> {
  return {
    TDIST_SENDER: 'kinesis',
    TDIST_KINESIS_STREAM: 'spans',
    TDIST_KINESIS_ENDPOINT: endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'any',
    AWS_SECRET_ACCESS_KEY: 'thing',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    // What the SDK says of old Node versions is its own affair.
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  }
}

/** The service in a folder of its own, where the package is installed and the SDK is not. */
function withoutSdk(folder: string): Service {
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, 'tdist'), { recursive: true })
  for (const part of ['dist', 'package.json'])
    cpSync(join(root, part), join(modules, 'tdist', part), { recursive: true })
  for (const name of ['express', 'axios', 'undici'])
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  for (const file of ['app.mjs', 'plain.mjs']) cpSync(join(root, 'test/bad-input', file), join(folder, file))
  const register = join(modules, 'tdist/dist/register.cjs')
  return {
    file: join(folder, 'plain.mjs'),
    flags: ['--import', register],
    env: environment(NOWHERE),
  }
}
