import type { Consumer, EachBatchPayload, KafkaMessage, Producer } from 'kafkajs'

interface Handlers {
  readonly eachMessage?: (payload: object) => Promise<void>
  readonly eachBatch?: (payload: object) => Promise<void>
}

/**
 * A client as kafkajs's is, and its broker, in memory: what is sent has been handled when the call resolves. For many
 * runs, each with another fault in what stands between this and the service.
 */
export class MemoryKafka {
  readonly #handlers: Handlers[] = []
  #offset = 0

  producer(): Producer {
    const send = async ({ topic, messages }: { topic: string; messages: object[] }): Promise<object[]> => {
      if (topic === 'refused') throw new TypeError('no such topic')
      const came = messages.map((message) => this.#arrived(message as Partial<KafkaMessage>))
      for (const { eachMessage, eachBatch } of this.#handlers) {
        const where = { topic, partition: 0 }
        if (eachMessage) for (const message of came) await eachMessage({ ...where, message })
        if (eachBatch) await eachBatch({ batch: { ...where, messages: came } as EachBatchPayload['batch'] })
      }
      return [{ topicName: topic, partition: 0, errorCode: 0, baseOffset: String(this.#offset) }]
    }
    const sendBatch = async (batch: { topicMessages: Parameters<typeof send>[0][] }): Promise<object[]> =>
      (await Promise.all(batch.topicMessages.map(send))).flat()
    const sends = { send, sendBatch }
    return { ...sends, transaction: async () => ({ ...sends }) } as unknown as Producer
  }

  consumer(): Consumer {
    return { run: async (handlers: Handlers) => void this.#handlers.push(handlers) } as unknown as Consumer
  }

  #arrived({ key, value, headers }: Partial<KafkaMessage>): object {
    const bytes = (one: unknown): Buffer | null => (one === null ? null : Buffer.from(one as string))
    const entries = Object.entries(headers ?? {}).map(([name, one]) => [name, bytes(one)])
    return {
      key,
      value: bytes(value),
      headers: Object.fromEntries(entries) as object,
      offset: String(this.#offset++),
      timestamp: '1700000000000',
    }
  }
}
