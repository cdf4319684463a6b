// @ts-check
// The messages and notices, in the order in which they were said.
import { byId, colourOf, element, timeOf } from './dom.js'

const log = byId('log')
const jump = byId('jump')
const empty = byId('log-empty')

/** Messages by the same person within this time stand together under one name. */
const togetherMs = 3 * 60_000

/** Every message on the page by its id: one that arrives a second time is the same one. */
const messages = new Map()

/** Whether the reader is at the newest message, and wants to stay there. */
let atEnd = true

/**
 * @param {{ id: string, text: string, at: number, name: string, server: string }} said
 * @param {{ mine?: boolean, waiting?: boolean }} [how]
 */
export function addMessage(said, { mine = false, waiting = false } = {}) {
  if (messages.has(said.id)) return markSent(said.id, said.at)

  const text = element('p', 'message-text', said.text)
  text.dir = 'auto'
  const name = element('span', 'message-name', said.name)
  name.dir = 'auto'
  const avatar = element('span', 'avatar', initialOf(said.name))
  avatar.ariaHidden = 'true'

  const message = element(
    'article',
    mine ? 'message mine' : 'message',
    avatar,
    element('header', 'message-head', name, element('span', 'badge', `Server ${said.server}`)),
    element('div', 'bubble', text, element('span', 'message-foot')),
  )
  message.dataset.id = said.id
  message.dataset.at = String(said.at)
  message.dataset.by = `${mine} ${said.name} ${said.server}`
  message.dataset.colour = colourOf(said.server)
  messages.set(said.id, message)
  showFoot(message, waiting ? 'waiting' : 'sent')
  insert(message, { follow: mine })
}

/**
 * @param {string} id
 * @param {number} at when the server heard it
 */
export function markSent(id, at) {
  const message = messages.get(id)
  if (!message) return
  message.dataset.at = String(at)
  showFoot(message, 'sent')
  // It may have waited while others spoke: everyone sees it after what they said.
  const next = message.nextElementSibling
  if (next && Number(next.getAttribute('data-at')) < at) {
    message.remove()
    group(next)
    insert(message)
  }
}

/** @param {string} id */
export function markRefused(id) {
  const message = messages.get(id)
  if (message) showFoot(message, 'refused')
}

/**
 * A line about what happened, between the messages.
 * @param {string} text
 * @param {{ kind?: 'person' | 'server' | 'trouble' }} [how]
 */
export function addNotice(text, { kind = 'person' } = {}) {
  const notice = element('p', `notice about-${kind}`, element('span', '', text))
  notice.dataset.at = String(Date.now())
  insert(notice)
}

function scrollToEnd() {
  log.scrollTop = log.scrollHeight
  atEnd = true
  jump.hidden = true
}

/**
 * @param {HTMLElement} entry
 * @param {'waiting' | 'sent' | 'refused'} state
 */
function showFoot(entry, state) {
  const at = Number(entry.dataset.at)
  const time = element('time', '', timeOf(at))
  time.dateTime = new Date(at).toISOString()
  const word = { waiting: 'waiting to be sent', sent: '', refused: 'not sent' }[state]
  entry.classList.toggle('waiting', state === 'waiting')
  entry.classList.toggle('refused', state === 'refused')
  entry.querySelector('.message-foot')?.replaceChildren(...(word ? [word, ' · '] : []), time)
}

/**
 * @param {HTMLElement} entry
 * @param {{ follow?: boolean }} [how] whether to scroll to it, wherever the reader is
 */
function insert(entry, { follow = false } = {}) {
  let before = log.lastElementChild
  while (before && Number(before.getAttribute('data-at')) > Number(entry.dataset.at)) {
    before = before.previousElementSibling
  }
  if (before) before.after(entry)
  else log.prepend(entry)
  empty.hidden = true

  group(entry)
  if (entry.nextElementSibling) group(entry.nextElementSibling)
  if (atEnd || follow) scrollToEnd()
  else if (entry.classList.contains('message')) jump.hidden = false
}

/**
 * Puts an entry under the name that stands above it already, or gives it one of its own.
 * @param {Element} entry
 */
function group(entry) {
  const before = entry.previousElementSibling
  const by = entry.getAttribute('data-by')
  const apartMs = Number(entry.getAttribute('data-at')) - Number(before?.getAttribute('data-at'))
  const follows = by !== null && by === before?.getAttribute('data-by') && apartMs < togetherMs
  entry.classList.toggle('follows', follows)
}

/** @param {string} name */
function initialOf(name) {
  return (Array.from(name)[0] ?? '?').toUpperCase()
}

log.addEventListener('scroll', () => {
  atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40
  if (atEnd) jump.hidden = true
})
jump.addEventListener('click', scrollToEnd)
// Neither a phone's keyboard nor a smaller window hides the newest message.
new ResizeObserver(() => {
  if (atEnd) scrollToEnd()
}).observe(log)
