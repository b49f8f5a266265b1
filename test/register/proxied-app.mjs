import http from 'node:http'

const url = process.argv[2]
await (await fetch(`${url}/fetched`)).text()
await new Promise((resolve) => http.get(`${url}/got`, (res) => res.resume().on('end', resolve)))
