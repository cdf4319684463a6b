// @ts-check
// Who is in the room, on a card for each server, with the wire through the broker between them.
import { byId, colourOf, element, timeOf } from './dom.js'

/** @typedef {{ id: string, name: string, server: string }} Person */

const panel = byId('people')

/** How long after its last acknowledgement of the worker's time a page counts as quiet. */
const quietMs = 7000

let own = { server: '', id: '' }
/** @type {Person[]} */
let people = []
/** Every server that this page has heard of, and when it left, if it has. @type {Map<string, number | undefined>} */
const servers = new Map()
/** @type {Map<string, number>} */
const lastSeen = new Map()

/**
 * The start of a connection: this page's own server, and the others.
 * @param {string} id this page's socket
 * @param {string} server
 * @param {string[]} others
 */
export function setServers(id, server, others) {
  own = { server, id }
  people = []
  lastSeen.clear()
  for (const [known, left] of servers) servers.set(known, left ?? Date.now())
  for (const here of [server, ...others]) servers.set(here, undefined)
  panel.classList.remove('stale')
  render()
}

/** @param {string} server */
export function serverJoined(server) {
  servers.set(server, undefined)
  render()
}

/** @param {string} server */
export function serverLeft(server) {
  servers.set(server, Date.now())
  people = people.filter((person) => person.server !== server)
  render()
}

/**
 * @param {Person[]} now
 * @returns {{ joined: Person[], left: Person[] }} who came and went, apart from whole servers
 */
export function setPeople(now) {
  const before = people
  people = now.toSorted((a, b) => a.name.localeCompare(b.name))
  for (const { server } of people) servers.set(server, undefined)
  for (const { id } of people) if (!lastSeen.has(id)) lastSeen.set(id, Date.now())
  for (const id of lastSeen.keys()) if (!people.some((one) => one.id === id)) lastSeen.delete(id)
  render()
  return { joined: without(people, before), left: without(before, people) }
}

/** The way to this page's own server is gone: what is shown is how it was. */
export function setStale() {
  panel.classList.add('stale')
}

/**
 * Whether the wire between the servers is cut: the broker is gone.
 * @param {boolean} cut
 */
export function setCut(cut) {
  panel.classList.toggle('cut', cut)
}

/**
 * This person's page has acknowledged the worker's time.
 * @param {string} id
 */
export function seen(id) {
  lastSeen.set(id, Date.now())
  const dot = panel.querySelector(`[data-person="${CSS.escape(id)}"] .alive`)
  if (!dot) return
  dot.classList.remove('quiet')
  dot.animate([{ transform: 'scale(1.7)' }, { transform: 'scale(1)' }], 600)
}

export function markTheQuiet() {
  for (const [id, at] of lastSeen) {
    const dot = panel.querySelector(`[data-person="${CSS.escape(id)}"] .alive`)
    dot?.classList.toggle('quiet', Date.now() - at > quietMs)
  }
}

function render() {
  const others = [...servers.keys()].filter((server) => server !== own.server).toSorted()
  const cards = [own.server, ...others].map(renderServer)
  panel.replaceChildren(...cards)
}

/** @param {string} server */
function renderServer(server) {
  const left = servers.get(server)
  const mine = server === own.server
  const title = element('h2', 'server-name', `Server ${server}`)
  const head = element('header', 'server-head', title)
  if (mine) head.append(element('span', 'badge', 'yours'))
  else if (left === undefined) head.append(linkTo(server))

  const list = element('ul', 'server-people')
  for (const person of people) if (person.server === server) list.append(renderPerson(person))

  const card = element('section', 'server', head)
  if (left !== undefined) {
    card.classList.add('gone')
    card.append(element('p', 'server-note', `left at ${timeOf(left)}`))
  } else if (list.childElementCount > 0) card.append(list)
  else card.append(element('p', 'server-note', 'nobody here yet'))
  card.dataset.server = server
  card.dataset.colour = colourOf(server)
  return card
}

/** @param {Person} person */
function renderPerson({ id, name }) {
  const quiet = Date.now() - (lastSeen.get(id) ?? 0) > quietMs
  const dot = element('span', quiet ? 'alive quiet' : 'alive')
  dot.title = 'lights up when this page acknowledges the worker’s time'
  const label = element('span', 'person-name', name)
  label.dir = 'auto'
  const person = element('li', 'person', dot, label)
  if (id === own.id) person.append(element('span', 'person-you', 'you'))
  person.dataset.person = id
  return person
}

/** @param {string} server */
function linkTo(server) {
  const link = element('a', 'server-link', 'open')
  link.href = `${location.protocol}//${location.hostname}:${server}/${location.hash}`
  link.target = '_blank'
  link.ariaLabel = `Open the chat on server ${server} in a new tab`
  return link
}

/**
 * @param {Person[]} some
 * @param {Person[]} others
 */
function without(some, others) {
  return some.filter((person) => !others.some((other) => other.id === person.id))
}
