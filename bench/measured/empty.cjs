// What a preloaded file costs by itself.
module.exports = {}
