// The live page: one event stream of all topics, what it says about itself, and the table of latest readings.
//
// The stream starts with the snapshot (`from=latest`). A cut one is resumed by the browser (Last-Event-ID),
// or here with the last cursor. After a gap a reading of any topic may have been missed: every row is marked
// as old, the gap is written down, and a new snapshot fetches what the gateway knows.
import {Arrival, in_words, measure, now} from './clock.js';
import * as table from './table.js';
import {parse} from './batch.js';

const HEARTBEAT_S = 5;
const SILENCE_MS = 2 * HEARTBEAT_S * 1_000;   // the contract: nothing for two heartbeats, then reconnect
const RETRY_MS = 1_000;                       // first delay after a fatal error; doubles
const RETRY_MAX_MS = 30_000;
const SNAPSHOT_EVERY_MS = 5_000;              // a page too slow for its stream must not ask for one snapshot after another
const MEASURE_EVERY_MS = 30_000;
const TICK_MS = 1_000;
const RATE_S = 5;                             // readings/s is the mean of as many whole seconds
const NOTICES = 50;

const GAPS = {
  expired: 'readings older than the gateway keeps were skipped',
  slow: 'this page could not keep up, readings were skipped',
  storage: 'readings were lost in a crash or on a bad disk',
  unknown: 'the gateway does not know where this page was (another log, or an older copy of it): readings may have been missed',
};

const element = Object.fromEntries([...document.querySelectorAll('[id]')].map((node) => [node.id, node]));

let source = null;         // the EventSource, or null while a retry waits
let cursor = 'latest';
let opened = now();        // the last attempt, or when it succeeded
let heard = null;          // the last batch
let silent = false;        // the gateway holds the connection but said nothing for two heartbeats
let failures = 0;          // fatal ones in a row
let snapshot_at = now();
let snapshot_wanted = false;
const brokers = new Map(); // name -> {state, since}
let notices = 0;
let received = 0;          // readings in the present second
const rates = [];          // and in the seconds before
let drawing = false;

function set_text(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// --- the stream ---------------------------------------------------------------------------------------

function open(from) {
  source?.close();
  opened = now();
  if (from === 'latest') {
    snapshot_at = opened;
    snapshot_wanted = false;
  }
  source = new EventSource(`/v1/events?topic=%23&heartbeat=${HEARTBEAT_S}&from=${encodeURIComponent(from)}`);
  source.onopen = () => {
    opened = now();
    measure();
  };
  source.onmessage = (event) => {
    heard = now();
    silent = false;
    let batch;
    try {
      batch = parse(event.data);
    } catch {
      fail('The gateway sent a batch that is not JSON.');
      return;
    }
    failures = 0;
    element.problem.hidden = true;
    if (batch.type === 'readings') take_batch(batch);
  };
  source.addEventListener('problem', (event) => {
    const {title, detail, code} = JSON.parse(event.data);
    show_problem(`The gateway refuses the stream: ${detail ?? title ?? code}`);
  });
  source.onerror = () => {
    silent = false;
    if (source.readyState === EventSource.CLOSED) fail('The stream could not be opened.');
    draw_soon();
  };
  draw_soon();
}

function show_problem(text) {
  set_text(element.problem, text);
  element.problem.hidden = false;
  draw_soon();
}

// The browser does not come back by itself after a fatal error: go on from the last cursor, with a delay
// that many pages do not share.
function fail(text) {
  source?.close();
  source = null;
  const delay = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** failures++) * (0.5 + Math.random() / 2);
  setTimeout(() => open(cursor), delay);
  show_problem(text);
}

function take_batch(batch) {
  cursor = batch.cursor;
  if (batch.gap) take_gap(batch);
  for (const link of batch.links ?? []) take_link(link);
  for (const reading of batch.readings) table.take(reading);
  if (!batch.snapshot) received += batch.readings.length;
  if (snapshot_wanted) fetch_snapshot();
  draw_soon();
}

function take_gap({gap: {reason, missed}, snapshot}) {
  if (snapshot && reason === 'expired') {
    // Every snapshot says so once the gateway has forgotten topics; asking for another one changes nothing.
    notice('The gateway has forgotten the latest readings of some topics: they appear with their next reading.');
    return;
  }
  const count = missed === null ? 'how many is not known' : `${missed.toLocaleString('en')} missed`;
  notice(`Gap (${reason}): ${GAPS[reason] ?? 'readings were skipped'}; ${count}.`);
  table.mark_all_old();
  brokers.clear();
  snapshot_wanted = true;
}

function fetch_snapshot() {
  if (source !== null && now() - snapshot_at >= SNAPSHOT_EVERY_MS) open('latest');
}

function take_link({broker, state, time, snapshot, session_resumed}) {
  const before = brokers.get(broker);
  const since = new Arrival(time);
  brokers.set(broker, {state, since});
  if (snapshot || before?.state === state) return;
  if (state === 'up') {
    const lost = session_resumed ? 'QoS 0 readings sent meanwhile are missing' : 'readings sent meanwhile are missing';
    notice(`The link to broker ${broker} is up again: ${lost}.`);
  } else {
    notice(`The link to broker ${broker} is ${state}: no readings come from it.`);
  }
}

// --- what is shown ------------------------------------------------------------------------------------

function notice(text) {
  const line = document.createElement('li');
  const time = document.createElement('time');
  time.dateTime = new Date().toISOString();
  time.textContent = new Date().toLocaleTimeString();
  line.append(time, ` ${text}`);
  element['notice-list'].prepend(line);
  if (++notices > NOTICES) {
    element['notice-list'].lastElementChild.remove();
    set_text(element['notices-cut'], `${notices - NOTICES} earlier ones are not shown.`);
  }
  element.notices.hidden = false;
}

function state() {
  if (silent) return 'gateway silent';
  if (source?.readyState === EventSource.OPEN && heard !== null && heard >= opened) return 'live';
  return heard === null ? 'connecting' : 'reconnecting';
}

function draw_state() {
  const present = state();
  if (element.state.dataset.state !== present) {
    element.state.dataset.state = present;
    element.state.textContent = present;
    document.title = `${present} – Fieldcast`;
  }
  const live = present === 'live';
  const since = heard ?? opened;
  set_text(element.since, live ? '' : `nothing heard for ${in_words(now() - since)}`);
  for (const [name, {state: link, since: changed}] of brokers) {
    let node = [...element.brokers.children].find((child) => child.dataset.broker === name);
    if (!node) {
      node = document.createElement('span');
      node.dataset.broker = name;
      element.brokers.append(node);
    }
    node.dataset.state = live ? link : 'unknown';
    set_text(node, `broker ${name} ${live ? link : `was ${link}`}`);
    node.title = `for ${in_words(changed.age().ms)}`;
  }
  for (const node of [...element.brokers.children]) if (!brokers.has(node.dataset.broker)) node.remove();
}

function draw() {
  drawing = false;
  draw_state();
  const {matching, drawn} = table.draw();
  const topics = table.topics();
  set_text(element.count, `${topics.toLocaleString('en')} ${topics === 1 ? 'topic' : 'topics'}`);
  let shown = '';
  if (drawn < matching) shown = `Shown are the first ${drawn} of ${matching.toLocaleString('en')} topics. Search for the others.`;
  else if (topics === 0 && state() === 'live') shown = 'No reading has come yet.';
  else if (matching === 0 && topics > 0) shown = 'No topic matches the search.';
  set_text(element.shown, shown);
}

function draw_soon() {
  if (drawing || document.hidden) return;
  drawing = true;
  requestAnimationFrame(draw);
}

setInterval(() => {
  rates.push(received);
  received = 0;
  if (rates.length > RATE_S) rates.shift();
  const rate = rates.reduce((sum, count) => sum + count, 0) / rates.length;
  set_text(element.rate, `${rate.toLocaleString('en', {maximumFractionDigits: rate < 10 ? 1 : 0})} readings/s`);

  if (source !== null && now() - Math.max(heard ?? opened, opened) > SILENCE_MS) {
    silent ||= source.readyState === EventSource.OPEN;
    open(cursor);
  }
  if (snapshot_wanted) fetch_snapshot();
  draw();
}, TICK_MS);

element.search.addEventListener('input', draw_soon);
document.addEventListener('visibilitychange', draw_soon);
setInterval(measure, MEASURE_EVERY_MS);
measure();
open('latest');
