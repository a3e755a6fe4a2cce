// The table: the latest reading of each topic, of which a bounded number of rows is drawn. Topics and
// payloads are whatever a publisher sends: they only ever become text nodes.
import {Arrival, in_words} from './clock.js';

const ROWS = 500;           // drawn: as many as a phone lays out within a frame
const TOPICS = 100_000;     // remembered; past that the one silent longest is forgotten, as in the gateway
const CELL = 200;           // characters shown in a cell
const CELL_OPEN = 2_000;    // and in one that has the focus, or in its title

const body = document.getElementById('topics');
const template = document.getElementById('row');
const search = document.getElementById('search');

const latest = new Map();   // topic -> item, the one silent longest first
const unsettled = new Set();
let sorted = [];            // topics by their characters, new ones unsorted at the end; null after one was forgotten
let sorted_stale = false;
let matching = [];          // those the search lets through
let matching_stale = false;
let generation = 0;         // items of an earlier one are from before a gap
const rows = [];

search.addEventListener('input', () => (matching_stale = true));

export function topics() {
  return latest.size;
}

// Whatever is shown may have been replaced by a reading that this page missed.
export function mark_all_old() {
  ++generation;
}

export function take(reading) {
  let item = latest.get(reading.topic);
  if (item) {
    latest.delete(reading.topic);
  } else {
    item = {topic: reading.topic, changes: 0};
    sorted?.push(item.topic);
    sorted_stale = matching_stale = true;
    if (latest.size >= TOPICS) {
      latest.delete(latest.keys().next().value);
      sorted = null;
    }
  }
  latest.set(reading.topic, item);
  item.reading = reading;
  item.arrival = new Arrival(reading.time);
  item.generation = generation;
  ++item.changes;
  unsettled.add(item);
}

// Makes the text of the newest reading, and lets a large payload go.
function settle(item) {
  const {payload, encoding, size, retained, redelivered} = item.reading;
  const text = encoding === undefined ? JSON.stringify(payload) : payload;
  item.length = text.length;
  item.text = cut(text, CELL_OPEN);
  item.retained = retained === true;
  item.tags = [];
  if (encoding === 'omitted') item.tags.push(`omitted: ${size?.toLocaleString('en')} bytes`);
  else if (encoding !== undefined) item.tags.push(text === '' ? `empty ${encoding}` : encoding);
  if (retained) item.tags.push('retained');
  if (redelivered) item.tags.push('redelivered');
  item.reading = null;
}

// At most `length` UTF-16 units, and no half of a surrogate pair.
function cut(text, length) {
  const head = text.slice(0, length);
  return head.length < text.length && /[\uD800-\uDBFF]$/.test(head) ? head.slice(0, -1) : head;
}

function set_text(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// A long text shows its beginning; pointer (title), touch and keyboard (focus) open more of it.
function set_long_text(element, text, length) {
  const [start, rest, more] = element.children;
  const head = cut(text, CELL);
  set_text(start, head);
  set_text(rest, text.slice(head.length));
  set_text(more, length > head.length ? `… (${length.toLocaleString('en')} characters)` : '');
  if (length > head.length) {
    element.tabIndex = 0;
    element.title = text;
  } else {
    element.removeAttribute('tabindex');
    element.removeAttribute('title');
  }
}

function add_row() {
  const element = template.content.firstElementChild.cloneNode(true);
  const [topic, value] = element.querySelectorAll('.text');
  rows.push({element, topic, value, tags: element.querySelector('.tags'), age: element.lastElementChild});
  body.append(element);
}

function draw_row(row, item) {
  if (row.item !== item) set_long_text(row.topic, cut(item.topic, CELL_OPEN), item.topic.length);
  if (row.item !== item || row.changes !== item.changes || row.generation !== generation) {
    const old = item.generation !== generation;
    set_long_text(row.value, item.text, item.length);
    set_text(row.tags, [...item.tags, ...(old ? ['from before a gap'] : [])].join(', '));
    row.element.classList.toggle('old', old);
    Object.assign(row, {item, changes: item.changes, generation});
  }
  // What a broker had stored was published before the gateway received it.
  const {ms, exact} = item.arrival.age();
  set_text(row.age, `${exact && !item.retained ? '' : '≥ '}${in_words(ms)}`);
}

// Draws what has changed since the last call. Returns how many topics match the search and how many are drawn.
export function draw() {
  for (const item of unsettled) settle(item);
  unsettled.clear();
  if (sorted_stale) {
    sorted = (sorted ?? [...latest.keys()]).sort();
    sorted_stale = false;
  }
  if (matching_stale) {
    const wanted = search.value.trim().toLowerCase();
    matching = wanted === '' ? sorted : sorted.filter((topic) => topic.toLowerCase().includes(wanted));
    matching_stale = false;
  }
  const drawn = Math.min(matching.length, ROWS);
  while (rows.length < drawn) add_row();
  while (rows.length > drawn) rows.pop().element.remove();
  for (let i = 0; i < drawn; ++i) draw_row(rows[i], latest.get(matching[i]));
  return {matching: matching.length, drawn};
}
