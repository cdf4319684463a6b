import { mkdirSync } from 'node:fs'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { launchBrowser } from './browser.js'
import { isRunning, kill, Program } from './program.js'

// Browsers and four processes on a small machine take their time.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 })

/** Set to a folder to keep pictures of what the browser shows. */
const screenshots = process.env.CHAT_SCREENSHOTS

const desktop = { viewport: { width: 1280, height: 800 } }
const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }

let browser: Browser
let chat: Program
let urls: string[]
let ports: string[]
const restarted: Program[] = []
let pids: { servers: number[]; worker: number; broker: number }
/** What has to end with the test. */
const processes: number[] = []

beforeEach(async () => {
  browser = await launchBrowser()
  chat = new Program('chat/start.js', ['--port', '0', '--pub', '0', '--sub', '0'])
  await chat.printed(/Ctrl-C stops everything/)
  const servers = [...chat.output.matchAll(/(http:\/\/localhost:\d+) +server (\d+) +pid (\d+)/g)]
  urls = servers.map(([, url]) => url!)
  ports = servers.map(([, , port]) => port!)
  pids = {
    servers: servers.map(([, , , pid]) => Number(pid)),
    worker: Number(chat.output.match(/worker +pid (\d+)/)?.[1]),
    broker: Number(chat.output.match(/broker +pid (\d+)/)?.[1]),
  }
  processes.push(...pids.servers, pids.worker, pids.broker)
})

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') {
    for (const program of [chat, ...restarted]) console.error(program?.output)
  }
  await browser?.close()
  await Promise.all([chat, ...restarted.splice(0)].map((program) => program?.stop()))
  processes.splice(0).forEach(kill)
})

test('two people on two servers talk, and one of them sees the other server go', async () => {
  const ada = await join('Ada', urls[0]!)
  const grace = await join('Grace', urls[1]!, { ...phone, colorScheme: 'dark' })

  await shows(peopleOn(ada, ports[1]!), 'Grace')
  await shows(peopleOn(ada, ports[0]!), 'Ada')
  await shows(peopleOn(grace, ports[0]!), 'Ada')
  await shows(ada.getByRole('status'), `Online · server ${ports[0]}`)
  await shows(grace.getByRole('status'), `Online · server ${ports[1]}`)

  await say(ada, 'Hello from the other side of the broker. Who is there?')
  await shows(messages(grace), 'Hello from the other side of the broker. Who is there?')
  await shows(messages(grace), `Server ${ports[0]}`)
  await say(grace, '<img src=x onerror="document.title=1"> is text here, not a picture')
  await shows(messages(ada), '<img src=x onerror="document.title=1"> is text here')
  await say(grace, 'So: me, on my phone, on the second server')
  await say(ada, 'And I am on the first. No database between us')
  await shows(messages(grace), 'And I am on the first. No database between us')

  for (const page of [ada, grace]) {
    const before = await clock(page).textContent()
    await expect.poll(() => clock(page).textContent(), waiting).not.toBe(before)
  }
  await screenshot(ada, 'desktop')
  await screenshot(grace, 'phone-dark')
  await ada.emulateMedia({ colorScheme: 'dark' })
  await grace.emulateMedia({ colorScheme: 'light' })
  await screenshot(ada, 'desktop-dark')
  await screenshot(grace, 'phone')
  await ada.emulateMedia({ colorScheme: 'light' })

  process.kill(pids.servers[1]!, 'SIGKILL')

  await shows(messages(ada), `Server ${ports[1]} has left`)
  await shows(card(ada, ports[1]!), 'left at')
  expect(await card(ada, ports[1]!).textContent()).not.toContain('Grace')
  await shows(grace.getByRole('status'), 'Reconnecting')
  await chat.printed(new RegExp(`server ${ports[1]} .*ended \\(SIGKILL\\)`))

  await grace.getByLabel('Message', { exact: true }).fill('Is anyone still there?')
  await grace.keyboard.press('Enter')
  await shows(messages(grace), 'waiting to be sent')

  await say(ada, 'Server two is gone, and I am still here')
  const alan = await join('Alan', urls[0]!)
  await shows(messages(alan), 'Server two is gone, and I am still here')
  await say(alan, 'So am I')
  await shows(messages(ada), 'So am I')
  await screenshot(ada, 'server-left')
  await screenshot(grace, 'phone-reconnecting')
  await alan.close()

  // The command that the terminal gives brings it back.
  const [, env] = await chat.printed(/start it again with: +(.*) node /)
  const again = new Program('chat/server.js', [], Object.fromEntries(assignments(env!)))
  restarted.push(again)
  await shows(messages(ada), `Server ${ports[1]} has joined`)
  await shows(messages(ada), 'Is anyone still there?')
  await shows(peopleOn(ada, ports[1]!), 'Grace')
  await shows(messages(grace), 'So am I')
  await expect.poll(() => grace.getByText('waiting to be sent').count(), waiting).toBe(0)
  expect(await messages(ada).getByText('Is anyone still there?').count()).toBe(1)
  await screenshot(grace, 'phone-back')
  expect(await again.stop()).toBe(0)
})

test('a name or a room that is no use is refused at the door', async () => {
  const page = await open(urls[0]!)
  await page.getByRole('button', { name: 'Join the chat' }).click()
  await screenshot(page, 'door')
  expect(await page.getByLabel('Your name').evaluate((field) => field.matches(':invalid'))).toBe(
    true,
  )
  expect(await page.getByRole('log').isVisible()).toBe(false)
})

test('the page says that the broker is gone, and talk goes on between the servers when it is back', async () => {
  const ada = await join('Ada', urls[0]!)
  const alan = await join('Alan', urls[0]!)
  const grace = await join('Grace', urls[1]!)
  await shows(peopleOn(ada, ports[0]!), 'Alan')
  await shows(peopleOn(ada, ports[1]!), 'Grace')
  await expect.poll(() => clock(ada).textContent(), waiting).toMatch(/\d\d:\d\d:\d\d/)

  process.kill(pids.broker, 'SIGKILL')

  await shows(ada.getByRole('main'), 'The broker is gone')
  await say(ada, 'Just the two of us now')
  await shows(messages(alan), 'Just the two of us now')
  await shows(ada.getByRole('region', { name: 'clock' }), 'Worker is silent')
  await screenshot(ada, 'broker-gone')

  const [, args] = await chat.printed(/start it again with: +node \S+zmq-broker.js (.*)/)
  restarted.push(new Program('../packages/broker/bin/zmq-broker.js', args!.split(' ')))

  for (const page of [ada, grace]) {
    await expect.poll(() => page.getByText('The broker is gone').isVisible(), waiting).toBe(false)
  }
  await say(ada, 'There you are again')
  await shows(messages(grace), 'There you are again')
  await shows(peopleOn(ada, ports[1]!), 'Grace')
  expect(await messages(ada).textContent()).not.toContain('has left')
})

test('Ctrl-C stops all four processes and ends well', async () => {
  expect(await chat.stop('SIGINT')).toBe(0)
  expect(chat.output).toContain('all stopped')
  expect(chat.output).not.toContain('does not stop')
  for (const pid of [...pids.servers, pids.worker, pids.broker]) expect(isRunning(pid)).toBe(false)
})

const waiting = { timeout: 15_000 }

async function open(url: string, options: Parameters<Browser['newContext']>[0] = desktop) {
  const context = await browser.newContext({ colorScheme: 'light', locale: 'en-GB', ...options })
  const page = await context.newPage()
  page.on('pageerror', (error) => expect.unreachable(`the page threw ${error.stack}`))
  await page.goto(url)
  return page
}

async function join(name: string, url: string, options?: Parameters<typeof open>[1]) {
  const page = await open(url, options)
  await page.getByLabel('Your name').fill(name)
  await page.getByRole('button', { name: 'Join the chat' }).click()
  await shows(page.getByRole('status'), 'Online')
  return page
}

async function say(page: Page, text: string) {
  await page.getByLabel('Message', { exact: true }).fill(text)
  await page.keyboard.press('Enter')
  await shows(messages(page), text)
  await expect.poll(() => page.getByText('waiting to be sent').count(), waiting).toBe(0)
}

function messages(page: Page): Locator {
  return page.getByRole('log', { name: 'Messages' })
}

function clock(page: Page): Locator {
  return page.getByRole('timer')
}

/** What the page shows of a server: its name and who is on it. */
function card(page: Page, server: string): Locator {
  return page
    .getByRole('complementary', { name: 'Who is here' })
    .locator('section')
    .filter({ hasText: `Server ${server}` })
}

function peopleOn(page: Page, server: string): Locator {
  return card(page, server).getByRole('list')
}

async function shows(where: Locator, text: string) {
  await expect
    .poll(() => where.allTextContents().then((all) => all.join('\n')), waiting)
    .toContain(text)
}

function assignments(command: string): [string, string][] {
  return [...command.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name!, value!])
}

async function screenshot(page: Page, name: string) {
  if (!screenshots) return
  mkdirSync(screenshots, { recursive: true })
  await page.screenshot({ path: `${screenshots}/${name}.png`, scale: 'device' })
}
