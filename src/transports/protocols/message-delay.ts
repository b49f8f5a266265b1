import { wallMs } from '../../host/clock.ts'

/** No more topics than this have a gauge. */
const MAX_TOPICS = 1000

/** Milliseconds since a message was made; undefined where it does not say. Clocks differ, so never less than 0. */
export function delayOf(timestamp: string | undefined): number | undefined {
  const made = Number(timestamp)
  return made > 0 ? Math.max(0, wallMs() - made) : undefined
}

/** Notes how long the message handled last was on its way. */
export function noteDelay(
  delays: Record<string, number>,
  topic: string,
  timestamp: string | undefined,
): void {
  const delay = delayOf(timestamp)
  if (delay === undefined) return
  if (topic in delays || Object.keys(delays).length < MAX_TOPICS) delays[topic] = delay
}
