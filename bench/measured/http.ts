// By this, and not by an import: an ESM import of node:http reads all it exports, its WebSocket among them, and so
// loads the undici inside Node.
process.getBuiltinModule('node:http')
