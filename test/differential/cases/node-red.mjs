// Node-RED: a flow of http in, http request, delay, response; each request is one trace through the flow
const node = (id, type, wires, more) => ({ id, type, z: 'flow', wires: [wires], x: 0, y: 0, ...more })

export const dropIn = `
SERVER GET /papers/:id {http.path=/papers/7}
  CLIENT POST {http.path=/echo}
    ORIGIN POST /echo
SERVER GET /papers/:id {http.path=/papers/8}
  CLIENT POST {http.path=/echo}
    ORIGIN POST /echo
`
export async function run({ ask, command, folder, freePort, origin, program, reported }) {
  const flow = [
    { id: 'flow', type: 'tab', label: 'papers' },
    node('in', 'http in', ['change'], { url: '/papers/:id', method: 'get' }),
    node('change', 'function', ['call'], { func: 'msg.payload = msg.req.params.id; return msg', outputs: 1 }),
    node('call', 'http request', ['wait'], { method: 'POST', ret: 'txt', url: `${origin}/echo` }),
    node('wait', 'delay', ['out'], { pauseType: 'delay', timeout: '20', timeoutUnits: 'milliseconds' }),
    node('out', 'http response', []),
  ]
  const settings = 'module.exports = { httpAdminRoot: false }'
  const cwd = folder({ 'flows.json': JSON.stringify(flow), 'settings.js': settings })
  const port = await freePort()
  const red = program(
    [command('node-red'), '-u', cwd, '-s', `${cwd}/settings.js`, '-p', port, 'flows.json'],
    { cwd },
  )
  await red.until(/Started flows/)
  const url = `http://127.0.0.1:${port}/papers/`
  console.log((await Promise.all([red.answer(`${url}7`), ask(`${url}8`)])).join('\n'))
  await reported(4)
  red.child.kill('SIGTERM')
  console.log(await red.ended, red.said.err)
}
