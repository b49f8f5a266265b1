// An app that knows nothing of tracing: a server that asks PostgreSQL in every way that pg has, over one connection a
// way, and calls on when the answer is there. Its argument is the database. The test runs it as it is, and as CommonJS.
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import pg from 'pg'
import Cursor from 'pg-cursor'

const { Client, Pool, Query } = pg
const connectionString = process.argv[2]
const AT_ONCE = 4

class OwnPromise extends Promise {}
class OwnClient extends Client {
  query(...args) {
    return super.query(...args)
  }
}
class OwnPool extends Pool {
  connect(callback) {
    return super.connect(callback)
  }
}

const pool = new Pool({ connectionString, max: 1 })
const ownPool = new OwnPool({ connectionString, max: 1, Promise: OwnPromise, Client: OwnClient })
const client = new Client({ connectionString })
const METHODS = [
  [pool, 'query'],
  [pool, 'connect'],
  [client, 'query'],
  [client, 'connect'],
  [client, 'on'],
]
const made = Array.from({ length: AT_ONCE }, () => new Query('select 3 as made'))
const shared = Object.freeze({ text: 'select 4 as shared', values: [] })

/** Each gives what it was answered to `then`, in the library's own callback. Returns what pg returned. */
const WAYS = {
  'pool text': (then) => pool.query('select 1 as one', (...got) => then(got)),
  'pool values': (then) => pool.query('select $1::int as one', [1], (...got) => then(got)),
  'pool config': (then) => pool.query({ text: 'select 2 as two' }, (...got) => then(got)),
  'pool promise': (then) => pool.query('select 1 as one').then((result) => then([null, result])),
  'pool connect': (then) =>
    pool.connect((error, one, release) => {
      then([error, typeof one.query, release.length], release)
    }),
  'pool connect promise': async (then) => {
    const one = await pool.connect()
    then([null, typeof one.query], () => one.release())
  },
  'pool error': (then) => pool.query('select nothing', (...got) => then(got)),
  'own pool': (then) => ownPool.query('select 1 as one', (...got) => then(got)),
  'own promise': (then) => ownPool.query('select 1 as one').then((result) => then([null, result])),
  'client text': (then) => client.query('select 1 as one', (...got) => then(got)),
  'client values': (then) => client.query('select $1::int as one', [1], (...got) => then(got)),
  'client config': (then) => {
    const config = {
      text: 'select 1 as one',
      callback: (...got) => then([...got, Object.keys(config).join(), config.callback.length]),
    }
    return client.query(config)
  },
  'client shared config': (then) => client.query(shared).then((result) => then([null, result])),
  'client error': (then) => client.query('select nothing', (...got) => then(got)),
  'client promise error': (then) => client.query('select nothing').catch((error) => then([error])),
  promisified: (then) =>
    promisify((text, callback) => void client.query(text, callback))('select 1 as one').then((result) =>
      then([null, result]),
    ),
  prepared: (then) => client.query({ name: 'it', text: 'select 5 as five' }, (...got) => then(got)),
  'query object': (then) => client.query(new Query('select 1 as one', (...got) => then(got))),
  'query and callback': (then) => client.query(new Query('select 1 as one'), (...got) => then(got)),
  'query events': (then) => {
    const rows = []
    const query = client.query(new Query('select generate_series(1, 3) as n'))
    query.on('row', (row) => rows.push(row))
    return query.on('end', () => then([null, ...rows, Object.keys(query).join()]))
  },
  'row event': (then) => {
    const query = client.query(new Query('select 1 as one'))
    return query.on('row', (row) => then([row])).on('end', () => {})
  },
  'error event': (then) => client.query(new Query('select nothing')).on('error', (error) => then([error])),
  'query made before': (then) => client.query(made.pop()).on('end', (result) => then([null, result])),
  'wrong query': (then) => client.query(new Query({ text: 1 }), (error) => then([error])),
  cursor: (then) => {
    const cursor = client.query(new Cursor('select generate_series(1, 3) as n'))
    cursor.read(2, (error, rows) => cursor.close(() => then([error, ...rows])))
    return cursor
  },
  'cursor event': (then) => {
    const cursor = client.query(new Cursor('select 1 as one'))
    cursor.read(9, () => {})
    return cursor.on('end', (result) => then([result]))
  },
  throwing: (then) =>
    client.query('select 1 as one', () => {
      throw Object.assign(new Error('thrown by a callback'), { then })
    }),
  connection: (then) => {
    const one = new Client({ connectionString })
    return one.connect((error) => one.end(() => then([error])))
  },
  'no connection': (then) =>
    new Client({ host: '127.0.0.1', port: 1 }).connect((error) => then([error.code])),
}

process.on('uncaughtException', (error) => {
  if (!error.then) throw error
  error.then([error])
})

const server = createServer((request, response) => {
  const way = decodeURIComponent(request.url.slice(1))
  if (way === 'next') {
    response.end()
    return
  }
  const returned = WAYS[way]((got, done = () => {}) => {
    void fetch(`${url}/next`).then(() => {
      done()
      response.end(JSON.stringify({ got: got.map(text), returned: returned?.constructor.name }))
    })
  })
})
let url

function text(value) {
  if (value instanceof Error) return `${value.constructor.name}: ${value.message}`
  return value?.rows ? { rows: value.rows, command: value.command } : value
}

/*
 * What comes by itself over a connection, the first user of which is a request: its listeners see the scope they were
 * added in. One is added by a request, the others by nobody's.
 */
async function events() {
  const heard = []
  const listening = new Pool({ connectionString, max: 1 })
  const errors = new Promise((resolve) => {
    listening.on('error', (error) => void fetch(`${url}/next`).then(() => resolve(text(error))))
  })
  let one
  const notified = new Promise((resolve) => {
    WAYS['listen'] = (then) => {
      void listening.connect().then(async (connected) => {
        one = connected
        await one.query('listen told')
        one.on('notification', ({ payload }) => {
          heard.push(payload)
          void fetch(`${url}/next`).then(resolve)
        })
        then([one.listenerCount('notification'), one.listeners('notification')[0].length])
      })
    }
  })
  console.log(await (await fetch(`${url}/listen`)).text())
  const other = new Promise((resolve) => {
    one.on('notification', () => void fetch(`${url}/next`).then(resolve))
  })
  await pool.query("notify told, 'news'")
  await Promise.all([notified, other])
  const { processID } = one
  one.release()
  await pool.query('select pg_terminate_backend($1)', [processID])
  console.log(JSON.stringify({ heard, error: await errors }))
  await listening.end()
}

async function main() {
  await client.connect()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${server.address().port}`
  console.log(JSON.stringify(METHODS.map(([owner, name]) => owner[name].length)))
  for (const way of Object.keys(WAYS)) {
    const answers = Array.from({ length: AT_ONCE }, async () => (await fetch(`${url}/${way}`)).text())
    console.log(way, await Promise.all(answers))
  }
  await events()
  const ends = [pool, ownPool, client].map((one) => one.end())
  console.log(ends.map((end) => end.constructor.name))
  await Promise.all(ends)
  server.closeAllConnections()
  server.close()
}

void main()
