import { wallMs } from '../../host/clock.ts'

/** No more topics than this have a gauge. */
const MAX_TOPICS = 1000

/** How many milliseconds ago a message was made; undefined where it does not say. Never below 0, for clocks differ. */
export function delayOf(timestamp: string | undefined): number | undefined {
  const made = Number(timestamp)
  return made > 0 ? Math.max(0, wallMs() - made) : undefined
}

/** Notes in `delays`, by topic, how long the message that is handled now was on its way, in milliseconds. */
export function noteDelay(
  delays: Record<string, number>,
  topic: string,
  timestamp: string | undefined,
): void {
  const delay = delayOf(timestamp)
  if (delay === undefined) return
  if (topic in delays || Object.keys(delays).length < MAX_TOPICS) delays[topic] = delay
}
