// @ts-check
import { byId, timeOf } from './dom.js'
import * as log from './log.js'
import * as people from './people.js'

const door = byId('door')
const chat = byId('chat')
const state = byId('state')
const banner = byId('banner')
const clock = byId('clock')
const nameField = /** @type {HTMLInputElement} */ (byId('name'))
const roomField = /** @type {HTMLInputElement} */ (byId('room'))
const text = /** @type {HTMLTextAreaElement} */ (byId('text'))

/** Made once for each tab: a message whose id begins with it is this tab's own. */
const tab = sessionStorage.getItem('tab') ?? crypto.getRandomValues(new Uint32Array(2)).join('-')
sessionStorage.setItem('tab', tab)
let nextId = Date.now()

let name = ''
let server = location.port
let lastTick = 0
let unread = 0
/** Whether the list of people that comes next is the first: nobody in it has just come. */
let firstPeople = true
/** Servers that have left since the last list: their people left with them. @type {Set<string>} */
const leftServers = new Set()

// With `retries`, Socket.IO keeps what is said until the server has answered, and sends it again
// where it must; the message's id keeps it from being heard twice.
const { io } = /** @type {any} */ (globalThis)
const socket = io({ autoConnect: false, retries: Infinity, ackTimeout: 5000 })

// The connection ------------------------------------------------------------------------------

socket.on('welcome', (welcome) => {
  const again = server && !firstPeople
  server = welcome.server
  firstPeople = true
  people.setServers(socket.id, server, welcome.others)
  for (const said of welcome.history) log.addMessage(said, { mine: isMine(said.id) })
  if (again) log.addNotice(`Connected to server ${server} again`, { kind: 'server' })
  showState('online', `Online · server ${server}`)
  showLink(welcome.link)
})

socket.on('disconnect', () => {
  if (!socket.active) return
  log.addNotice(`Lost server ${server}`, { kind: 'trouble' })
  showReconnecting()
})

socket.on('connect_error', (err) => {
  if (socket.active) return showReconnecting()
  // The server has refused this name or this room.
  sessionStorage.removeItem('name')
  chat.hidden = true
  door.hidden = false
  byId('door-problem').textContent = `This is not possible: ${err.message}.`
})

function showReconnecting() {
  people.setStale()
  showState('reconnecting', 'Reconnecting…')
  showBanner(
    `Server ${server} does not answer. Trying again; what you write meanwhile is sent when it is back.`,
  )
}

// The other servers and the people on them ----------------------------------------------------

socket.on('server:joined', (joined) => {
  people.serverJoined(joined)
  log.addNotice(`Server ${joined} has joined`, { kind: 'server' })
})

socket.on('server:left', (left) => {
  leftServers.add(left)
  people.serverLeft(left)
  log.addNotice(`Server ${left} has left`, { kind: 'trouble' })
})

socket.on('people', (now) => {
  const { joined, left } = people.setPeople(now)
  if (!firstPeople) {
    for (const person of joined) log.addNotice(`${person.name} joined on server ${person.server}`)
    for (const person of left) {
      if (!leftServers.has(person.server)) log.addNotice(`${person.name} left`)
    }
  }
  firstPeople = false
  leftServers.clear()
})

socket.on('link', showLink)

/** @param {'up' | 'down'} link the way from this page's server to the others */
function showLink(link) {
  const down = 'The broker is gone. What you say reaches people on other servers when it is back.'
  showBanner(link === 'down' ? down : '')
  people.setCut(link === 'down')
}

// The worker's clock --------------------------------------------------------------------------

socket.on('time', (at) => {
  lastTick = Date.now()
  byId('clock-time').textContent = timeOf(at, { seconds: true })
  byId('clock-label').textContent = 'Worker’s clock'
  clock.className = 'clock ticking'
  const pulse = [{ boxShadow: '0 0 0 0 var(--good)' }, { boxShadow: '0 0 0 9px transparent' }]
  clock.querySelector('.clock-pulse')?.animate(pulse, 900)
  // Not worth sending later: the next tick comes soon.
  socket.volatile.emit('time:seen', at)
})

socket.on('time:seen', people.seen)

setInterval(() => {
  people.markTheQuiet()
  if (lastTick === 0 || Date.now() - lastTick < 6000) return
  clock.className = 'clock silent'
  byId('clock-label').textContent = 'Worker is silent'
}, 1000)

// Messages ------------------------------------------------------------------------------------

socket.on('message', (said) => {
  log.addMessage(said)
  if (document.hidden) showTitle(unread + 1)
})

function say() {
  const written = text.value.trim()
  text.value = ''
  fitText()
  if (!written) return
  const said = { id: `${tab}-${nextId++}`, text: written }
  log.addMessage({ ...said, at: Date.now(), name, server }, { mine: true, waiting: true })
  socket.emit('message', said, (err, answer) => {
    if (err || answer.error) log.markRefused(said.id)
    else log.markSent(said.id, answer.at)
  })
}

/** @param {string} id */
function isMine(id) {
  return id.startsWith(`${tab}-`)
}

byId('composer').addEventListener('submit', (event) => {
  event.preventDefault()
  say()
  text.focus()
})

text.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
  event.preventDefault()
  say()
})

text.addEventListener('input', fitText)

function fitText() {
  text.style.height = 'auto'
  text.style.height = `${text.scrollHeight}px`
}

// Coming and going ----------------------------------------------------------------------------

byId('door-form').addEventListener('submit', (event) => {
  event.preventDefault()
  join(nameField.value.trim(), roomField.value.trim())
})

/**
 * @param {string} asName
 * @param {string} room
 */
function join(asName, room) {
  if (!asName || !room) return
  name = asName
  firstPeople = true
  sessionStorage.setItem('name', name)
  location.hash = String(new URLSearchParams({ room }))
  byId('bar-room').textContent = `#${room}`
  byId('door-problem').textContent = ''
  door.hidden = true
  chat.hidden = false
  showTitle(0)
  showState('connecting', 'Connecting…')
  socket.auth = { name, room }
  socket.connect()
  text.focus()
}

byId('leave').addEventListener('click', () => {
  sessionStorage.removeItem('name')
  location.reload()
})

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) showTitle(0)
})

/** @param {number} count of messages that came while nobody looked */
function showTitle(count) {
  unread = count
  if (chat.hidden) return
  const title = `${byId('bar-room').textContent} · server ${server}`
  document.title = unread > 0 ? `(${unread}) ${title}` : title
}

/**
 * @param {'connecting' | 'online' | 'reconnecting'} kind
 * @param {string} words
 */
function showState(kind, words) {
  state.className = `state ${kind}`
  state.textContent = words
}

/** @param {string} words nothing hides it */
function showBanner(words) {
  banner.textContent = words
  banner.hidden = !words
}

if (server) byId('door-server').textContent = `server ${server}`
roomField.value = new URLSearchParams(location.hash.slice(1)).get('room') || 'lobby'
// After a reload one is where one was.
nameField.value = sessionStorage.getItem('name') ?? ''
if (nameField.value) join(nameField.value, roomField.value)
else nameField.focus()
