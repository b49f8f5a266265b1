/** What a process of the bench can be asked, by the question's `ask`. */
export type Answers = Readonly<Record<string, (question: never) => unknown>>

/** Answers the parent's questions until it is gone, then ends. */
export function answer(answers: Answers): void {
  process.on('message', (question: { ask: string }) => {
    void reply(answers[question.ask]!, question)
  })
  process.on('disconnect', () => process.exit())
}

async function reply(handler: (question: never) => unknown, question: object): Promise<void> {
  try {
    process.send!({ result: await handler(question as never) })
  } catch (error) {
    process.send!({ error: error instanceof Error ? error.message : String(error) })
  }
}
