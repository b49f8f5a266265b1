import { setTimeout as sleep } from 'node:timers/promises'
import type { Child } from './child.ts'
import type { Account } from './measured/account.ts'
import type { ServiceState } from './measured/service.ts'

/** Two services at one moment. */
export interface Sample {
  readonly at: number
  /** Resident bytes of the traced one, and of the untraced one. */
  readonly rss: number
  readonly untracedRss: number
  readonly account: Account
}

const EVERY_MS = 200

/** Looks at a traced and at an untraced service again and again. Nobody else may ask them until it has ended. */
export class TwinSampler {
  readonly samples: Sample[] = []
  readonly #traced: Child
  readonly #untraced: Child
  readonly #ended: Promise<void>
  #isEnding = false

  /** Begins at once. */
  constructor(traced: Child, untraced: Child) {
    this.#traced = traced
    this.#untraced = untraced
    this.#ended = this.#run()
    // Whoever waits for the end hears of it.
    this.#ended.catch(() => {})
  }

  /** The first moment of which `test` holds; rejects when there is none within `deadlineMs`. */
  async find(test: (sample: Sample) => boolean, deadlineMs: number): Promise<Sample> {
    for (const until = performance.now() + deadlineMs; performance.now() < until; await sleep(EVERY_MS)) {
      const found = this.samples.find(test)
      if (found) return found
    }
    throw new Error(`not within ${deadlineMs} ms; the account is ${JSON.stringify(this.samples.at(-1))}`)
  }

  /** Rejects when a service could not be asked. */
  async end(): Promise<void> {
    this.#isEnding = true
    await this.#ended
  }

  /** Looks once more, after the end. */
  async look(): Promise<Sample> {
    const [traced, untraced] = await Promise.all([
      this.#traced.ask<ServiceState>({ ask: 'state' }),
      this.#untraced.ask<ServiceState>({ ask: 'state' }),
    ])
    const sample = {
      at: performance.now(),
      rss: traced.rss,
      untracedRss: untraced.rss,
      account: traced.account!,
    }
    this.samples.push(sample)
    return sample
  }

  async #run(): Promise<void> {
    while (!this.#isEnding) {
      await this.look()
      await sleep(EVERY_MS)
    }
  }
}
