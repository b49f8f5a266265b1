import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KinesisClientConfig, KinesisClientResolvedConfig } from '@aws-sdk/client-kinesis'

/** Whether an endpoint is on this machine, where only an emulator of Kinesis can be. */
export function isOnThisMachine(endpoint: string): boolean {
  return URL.canParse(endpoint) && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(endpoint).hostname)
}

/**
 * The region and the credentials for an emulator: what the SDK finds in the environment and its files, and any where it
 * finds none, for an emulator takes any.
 */
export function emulatorIdentity(
  found: Pick<KinesisClientResolvedConfig, 'region' | 'credentials'>,
  region: string | undefined,
): Pick<KinesisClientConfig, 'region' | 'credentials'> {
  return {
    // Where nothing is set, the SDK asks on the network, for seconds, whether this is a machine of AWS's.
    region: region ?? (async () => (isSet(REGION) ? found.region().catch(() => ANY_REGION) : ANY_REGION)),
    credentials: async () => (isSet(CREDENTIALS) ? found.credentials().catch(() => ANY_KEYS) : ANY_KEYS),
  }
}

const ANY_REGION = 'us-east-1'
const ANY_KEYS = { accessKeyId: 'local', secretAccessKey: 'local' }

/** Where the SDK finds something: in a variable, or in a line of AWS's configuration files. */
interface Setting {
  readonly variables: readonly string[]
  readonly line: RegExp
}

const REGION: Setting = { variables: ['AWS_REGION'], line: /^\s*region\s*=/m }
const CREDENTIALS: Setting = {
  variables: [
    'AWS_ACCESS_KEY_ID',
    'AWS_PROFILE',
    'AWS_WEB_IDENTITY_TOKEN_FILE',
    'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
    'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  ],
  line: /^\s*(aws_access_key_id|credential_process|login_session|role_arn|sso_\w+|web_identity_token_file)\s*=/m,
}

function isSet({ variables, line }: Setting): boolean {
  const { env } = process
  if (variables.some((name) => env[name])) return true
  const folder = join(env['HOME'] ?? env['USERPROFILE'] ?? '', '.aws')
  const files = [
    env['AWS_SHARED_CREDENTIALS_FILE'] || join(folder, 'credentials'),
    env['AWS_CONFIG_FILE'] || join(folder, 'config'),
  ]
  return files.some((file) => {
    try {
      return line.test(readFileSync(file, 'utf8'))
    } catch {
      return false
    }
  })
}
