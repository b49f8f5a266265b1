import { disabled } from './disabled.ts'
import { encoder } from './encoder.ts'
import { express } from './express.ts'
import { install } from './install.ts'
import { kafka } from './kafka.ts'
import { outage } from './outage.ts'
import { publisher } from './publisher.ts'
import type { Scenario } from './scenario.ts'
import { soak } from './soak.ts'
import { span } from './span.ts'
import { start } from './start.ts'
import { thrift } from './thrift.ts'
import { undici } from './undici.ts'
import { unsampled } from './unsampled.ts'

/** Every scenario, in the order of the report. */
export const SCENARIOS: readonly Scenario[] = [
  express,
  undici,
  span,
  unsampled,
  encoder,
  install,
  start,
  disabled,
  publisher,
  thrift,
  kafka,
  soak,
  outage,
]
