// Makes a clone ready to run: installs and builds what is missing or stale, and only that.
// It runs before anything is installed, so it stands on Node's own modules alone.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Node ${process.versions.node} is too old: this project needs Node 20.19 or newer`)
}

if (!installed()) {
  say('installing dependencies: npm ci')
  // Under NODE_ENV=production npm would leave out the compiler.
  npm('ci', '--include=dev', '--no-audit', '--no-fund')
}

const compiler = `${root}node_modules/typescript/bin/tsc`
say('building what has changed: tsc -b')
run(process.execPath, [compiler, '-b'])

/** npm writes node_modules/.package-lock.json at the end of each install that succeeded. */
function installed() {
  const record = `${root}node_modules/.package-lock.json`
  return (
    existsSync(record) && statSync(record).mtimeMs >= statSync(`${root}package-lock.json`).mtimeMs
  )
}

function npm(...args) {
  const script = process.env.npm_execpath
  if (script?.endsWith('npm-cli.js')) run(process.execPath, [script, ...args])
  else run('npm', args, process.platform === 'win32')
}

function run(command, args, shell = false) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell })
  if (error) fail(`could not run ${command}: ${error.message}`)
  if (status !== 0) fail(`failed: ${[command, ...args].join(' ')}`)
}

function say(line) {
  console.log(`setup: ${line}`)
}

function fail(line) {
  console.error(`setup: ${line}`)
  process.exit(1)
}
