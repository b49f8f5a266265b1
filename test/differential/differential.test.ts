import { readdirSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { checkCase, readCase } from './case.ts'
import { setStage, SUITE, type Stage } from './stage.ts'

const cases = readdirSync(`${SUITE}cases`).map((file) => readCase(`cases/${file}`))

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

  for (const one of cases) {
    if (!one.isForThisNode) continue
    it(`${one.file.slice('cases/'.length, -'.mjs'.length)}: ${one.title}`, async (t) => {
      if (stage) await checkCase(stage, one)
      else t.skip(missing)
    })
  }
})
