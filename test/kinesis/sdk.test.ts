import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { Kinesis, waitUntilStreamExists } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { KinesisSource } from '#server/collector/sources/kinesis/kinesis-source.js'
import { startLocalKinesis, type LocalKinesis } from '#server/local-kinesis/local-kinesis.js'
import { kinesisSender } from 'tdist/kinesis'

interface Options {
  readonly endpoint?: string
  readonly region?: string
}

/** Who calls Kinesis: what a service sends with, and what the server reads with. */
const SIDES: Record<string, (options: Options) => Promise<void>> = {
  async sender(options) {
    const sender = kinesisSender({ streamName: 'spans', ...options })
    try {
      await sender.send([{ bytes: Buffer.from('[]'), spans: 1 }])
    } finally {
      await sender.close?.()
    }
  },
  source: (options) =>
    new KinesisSource({ streamName: 'spans', once: true, wait: false, ...options }, () => {}).run(
      new AbortController().signal,
    ),
}

interface Case {
  readonly name: string
  readonly env?: Record<string, string>
  /** What `~/.aws` has. */
  readonly files?: { readonly config?: string; readonly credentials?: string }
  readonly region?: string
  readonly host?: string
  readonly signed: { readonly region: string; readonly by: string }
}

const KEYS = { AWS_ACCESS_KEY_ID: 'environments', AWS_SECRET_ACCESS_KEY: 'secret' }
const keysOf = (profile: string, id: string): string =>
  `[${profile}]\naws_access_key_id = ${id}\naws_secret_access_key = secret\n`

const CASES: Case[] = [
  { name: 'nothing at all', signed: { region: 'us-east-1', by: 'local' } },
  { name: 'nothing at all, at localhost', host: 'localhost', signed: { region: 'us-east-1', by: 'local' } },
  { name: 'nothing at all, at [::1]', host: '[::1]', signed: { region: 'us-east-1', by: 'local' } },
  { name: 'the region as an option', region: 'eu-west-3', signed: { region: 'eu-west-3', by: 'local' } },
  {
    name: 'the region as an option, and another in the environment',
    region: 'eu-west-3',
    env: { AWS_REGION: 'eu-west-1' },
    signed: { region: 'eu-west-3', by: 'local' },
  },
  {
    name: 'the region in the environment',
    env: { AWS_REGION: 'eu-west-1' },
    signed: { region: 'eu-west-1', by: 'local' },
  },
  { name: 'credentials in the environment', env: KEYS, signed: { region: 'us-east-1', by: 'environments' } },
  {
    name: 'both in the environment, and others in the files',
    env: { ...KEYS, AWS_REGION: 'eu-west-1' },
    files: { config: '[default]\nregion = eu-west-2\n', credentials: keysOf('default', 'files') },
    signed: { region: 'eu-west-1', by: 'environments' },
  },
  {
    name: 'both in the files',
    files: { config: '[default]\nregion = eu-west-2\n', credentials: keysOf('default', 'files') },
    signed: { region: 'eu-west-2', by: 'files' },
  },
  {
    name: 'both in a profile of one file',
    env: { AWS_PROFILE: 'dev' },
    files: { config: `${keysOf('profile dev', 'devs')}region = eu-north-1\n` },
    signed: { region: 'eu-north-1', by: 'devs' },
  },
  {
    name: 'a file with a region alone',
    files: { config: '[default]\nregion = eu-west-2\n' },
    signed: { region: 'eu-west-2', by: 'local' },
  },
]

describe('the Kinesis client', () => {
  const servers: Server[] = []
  let ours: LocalKinesis
  let metadataAsked = 0
  let metadata: string
  let environment: NodeJS.ProcessEnv
  let home: string
  /** Who signed each request, and for which region. */
  let signed: Case['signed'][] = []

  const listen = async (server: Server, host = '127.0.0.1'): Promise<number> => {
    servers.push(server)
    server.listen(0, host)
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }

  before(async () => {
    ours = await startLocalKinesis({ streams: { spans: 1 } })
    metadata = `http://127.0.0.1:${await listen(createServer((_, res) => (metadataAsked++, res.writeHead(404).end())))}`
  })
  after(async () => {
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
    await ours.close()
  })

  beforeEach(() => {
    environment = process.env
    home = mkdtempSync(join(tmpdir(), 'tdist-'))
    mkdirSync(join(home, '.aws'))
    const others = Object.entries(environment).filter(([name]) => !name.startsWith('AWS_'))
    process.env = {
      ...Object.fromEntries(others),
      HOME: home,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata,
    }
    signed = []
    metadataAsked = 0
  })
  afterEach(() => {
    process.env = environment
    rmSync(home, { recursive: true })
  })

  /** Hands on to a Kinesis on this machine, and notes who signed. */
  async function noting(port: number, host: string): Promise<string> {
    const notes = createServer((req, res) => {
      const [, by, region] = /Credential=(\w+)\/\d+\/([\w-]+)\/kinesis/.exec(req.headers.authorization!)!
      signed.push({ region: region!, by: by! })
      const { method, url: path, headers } = req
      const onwards = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
        res.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(res)
      })
      req.pipe(onwards)
    })
    return `http://${host}:${await listen(notes, host.replace(/^\[|\]$/g, ''))}`
  }

  const KINESES: Record<string, () => Promise<number>> = {
    'local-kinesis': () => Promise.resolve(ours.port),
    kinesalite: async () => (theirs ??= await startKinesalite()),
  }
  let theirs: number | undefined

  async function startKinesalite(): Promise<number> {
    const kinesalite = createRequire(import.meta.url)('kinesalite') as (options: object) => Server
    const port = await listen(kinesalite({ createStreamMs: 0 }))
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
    const requestHandler = new NodeHttpHandler()
    // An account of kinesalite's has the same streams in every region.
    const client = new Kinesis({
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      credentials,
      requestHandler,
    })
    await client.createStream({ StreamName: 'spans', ShardCount: 1 })
    await waitUntilStreamExists({ client, maxWaitTime: 10, minDelay: 0.05 }, { StreamName: 'spans' })
    client.destroy()
    return port
  }

  for (const [side, call] of Object.entries(SIDES)) {
    for (const [kinesis, start] of Object.entries(KINESES)) {
      for (const { name, env, files, region, host = '127.0.0.1', signed: expected } of CASES) {
        it(`of the ${side} at ${kinesis}, given ${name}`, async () => {
          const port = await start()
          Object.assign(process.env, env)
          for (const [file, text] of Object.entries(files ?? {}))
            writeFileSync(join(home, '.aws', file), text)
          await call({ endpoint: await noting(port, host), ...(region ? { region } : {}) })
          assert.ok(signed.length > 0)
          for (const one of signed) assert.deepEqual(one, expected)
          assert.equal(metadataAsked, 0, 'looked on the network for credentials')
        })
      }
    }

    for (const endpoint of [undefined, 'http://kinesis.invalid:4567']) {
      it(`of the ${side} says in one line that the region is missing, at ${endpoint ?? 'AWS'}`, async () => {
        Object.assign(process.env, KEYS)
        await assert.rejects(call(endpoint === undefined ? {} : { endpoint }), ({ message }: Error) => {
          const expected =
            /^(Kinesis|cannot \w+) stream spans.*: Region is missing; give the region, or set AWS_REGION$/
          assert.match(message, expected)
          return true
        })
      })
    }
  }
})
