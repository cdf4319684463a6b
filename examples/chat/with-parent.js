// @ts-check
// Loaded into each process that start.js starts: ends it when start.js is gone, however it went.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
process.channel?.unref() // listening for that alone keeps no process alive
