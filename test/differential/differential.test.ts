import { readdirSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { checkCase, readCase, type Case } from './case.ts'
import { setStage, SUITE, type Stage } from './stage.ts'

describe('differential', async () => {
  let stage: Stage | undefined
  let missing: string | undefined
  before(async () => {
    try {
      stage = await setStage()
    } catch (error) {
      if (process.env['CI']) throw error
      missing = `the suite's packages can't be installed here: ${(error as Error).message.split('\n')[0]}`
    }
  })
  after(() => stage?.strike())

  for (const file of readdirSync(`${SUITE}cases`)) {
    let one: Case
    try {
      one = readCase(`cases/${file}`)
    } catch (error) {
      it(file, () => Promise.reject(error as Error))
      continue
    }
    if (!one.isForThisNode) continue
    it(`${one.title} (${file})`, async (t) => {
      if (stage) await checkCase(stage, one)
      else t.skip(missing)
    })
  }
})
