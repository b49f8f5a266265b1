import { wallMs } from '../host/clock.ts'
import { metricsOf, type MetricSource } from './metric-list.ts'

/**
 * All metrics as Graphite's plaintext lines, `<path> <value> <epoch seconds>`: the path is the prefix, the metric's
 * name without `tdist_`, and its label's value. https://graphite.readthedocs.io/en/latest/feeding-carbon.html
 */
export function graphiteText(source: MetricSource, prefix: string = defaultPrefix(source)): string {
  const seconds = Math.floor(wallMs() / 1000)
  return pathsOf(source)
    .map(({ path, value }) => `${prefix}.${path} ${value} ${seconds}\n`)
    .join('')
}

/**
 * All metrics as StatsD's lines: https://github.com/statsd/statsd/blob/master/docs/metric_types.md. A counter is
 * written as its increment since the last call, when there is one; the rest are gauges.
 */
export class StatsdText {
  readonly #told = new Map<string, number>()

  text(source: MetricSource, prefix: string = defaultPrefix(source)): string {
    let text = ''
    for (const { path, value, grows } of pathsOf(source)) {
      if (!grows) {
        text += `${prefix}.${path}:${value}|g\n`
        continue
      }
      const increment = value - (this.#told.get(path) ?? 0)
      this.#told.set(path, value)
      if (increment > 0) text += `${prefix}.${path}:${increment}|c\n`
    }
    return text
  }
}

/** Every sample as a path. Neither format knows infinity, which is the pace of a publisher that is not slowed down. */
function pathsOf(source: MetricSource): { path: string; value: number; grows: boolean }[] {
  return metricsOf(source).flatMap(({ name, type, samples }) =>
    samples
      .filter(({ value }) => value !== Infinity)
      .map(({ suffix, labels, value }) => ({
        path: [name.slice('tdist_'.length) + suffix, ...Object.values(labels).map(node)].join('.'),
        value,
        grows: type !== 'gauge',
      })),
  )
}

function defaultPrefix({ serviceName }: MetricSource): string {
  return `tdist.${node(serviceName)}`
}

/** The text as one node of a path. */
function node(text: string): string {
  return text.replace(/[^\w-]/g, '_')
}
