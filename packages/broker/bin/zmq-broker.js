#!/usr/bin/env node
// A committed file, because npm links bins at install time, before anything is built.
import { existsSync } from 'node:fs'

const cli = new URL('../dist/cli.js', import.meta.url)

if (existsSync(cli)) {
  await import(cli.href)
} else {
  console.error('zmq-broker is not built yet; build it with: npm run build')
  process.exitCode = 1
}
