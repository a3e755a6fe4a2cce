// Libraries that people use, as they come: each receives every reading exactly once and in order, and a
// cursor taken from one transport goes on with the next.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {EventSource} from 'eventsource';
import {request} from 'undici';
import WebSocket from 'ws';
import {FILTER, Numbers, publish_numbers} from './support/numbers.mjs';
import {DEADLINE_MS, Process, start_hall} from './support/processes.mjs';
import {start_proxy} from './support/proxy.mjs';

const COUNT = 300;
const topic = encodeURIComponent(FILTER);
let hall;

before(async () => { hall = await start_hall(); });
after(() => hall.stop());

const ws_url = (from) => `${hall.gateway.url.replace('http', 'ws')}/v1/ws?topic=${topic}&from=${from}`;

async function poll(from, parameters = '') {
  const {statusCode, body} = await request(`${hall.gateway.url}/v1/poll?topic=${topic}&from=${from}&timeout=20${parameters}`);
  const text = await body.text();
  assert.equal(statusCode, 200, text);
  return JSON.parse(text);
}

// Polls on until `count` readings have come in all.
async function poll_until(numbers, count, parameters = '') {
  const last = Date.now() + DEADLINE_MS;
  while (numbers.readings.length < count) {
    assert.ok(Date.now() < last, `polls until ${count} readings: ${numbers.readings.length} came`);
    numbers.take(await poll(numbers.cursor, parameters));
  }
}

test('ws receives every reading, and its close is answered', async (t) => {
  const numbers = new Numbers();
  const socket = new WebSocket(ws_url('now'), 'fieldcast.v1');
  t.after(() => socket.terminate());
  socket.on('message', (data, binary) => {
    assert.equal(binary, false);
    numbers.take(JSON.parse(data));
  });
  await numbers.begun();
  assert.equal(socket.protocol, 'fieldcast.v1');
  await publish_numbers(hall, 0, COUNT);
  await numbers.count(COUNT);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.close(1000);
  assert.equal(await closed, 1000);
  numbers.check(COUNT);
});

test('undici polls with cursors', async () => {
  const numbers = new Numbers();
  numbers.take(await poll('now'));
  const published = publish_numbers(hall, 0, COUNT);
  await poll_until(numbers, COUNT, '&limit=7');
  await published;
  numbers.check(COUNT);
});

test('eventsource comes back with its Last-Event-ID', async (t) => {
  const proxy = await start_proxy(hall.gateway.port);
  t.after(() => proxy.stop());
  const numbers = new Numbers();
  const source = new EventSource(`${proxy.url}/v1/events?topic=${topic}&from=now`);
  t.after(() => source.close());
  source.onmessage = ({data, lastEventId}) => {
    const batch = JSON.parse(data);
    assert.equal(lastEventId, batch.cursor);
    numbers.take(batch);
  };
  await numbers.begun();
  const published = publish_numbers(hall, 0, COUNT - 1);
  await numbers.count(COUNT / 3);
  proxy.cut();
  await published;
  await publish_numbers(hall, COUNT - 1, COUNT);  // surely after the cut
  await numbers.count(COUNT);
  numbers.check(COUNT);
  assert.equal(proxy.heads.filter((head) => /^last-event-id: \S+\r$/im.test(head)).length, 1);
});

test('wscat subscribes by a message', async (t) => {
  const numbers = new Numbers();
  const wscat = new Process(process.execPath, [fileURLToPath(new URL('node_modules/wscat/bin/wscat', import.meta.url)),
    '--no-color', '-c', `${hall.gateway.url.replace('http', 'ws')}/v1/ws`]);
  t.after(() => wscat.end());
  const subscribed = new Promise((resolve) => {
    wscat.out.on('line', (line) => {
      const start = line.indexOf('{');
      if (start < 0) return;
      const message = JSON.parse(line.slice(start));
      numbers.take(message);
      if (message.type === 'subscribed') resolve(message);
    });
  });
  await numbers.begun();
  wscat.child.stdin.write(`${JSON.stringify({op: 'subscribe', id: 'cat', topics: [FILTER], from: 'now'})}\n`);
  const {id, topics, cursor} = await subscribed;
  assert.deepEqual({id, topics}, {id: 'cat', topics: [FILTER]});
  assert.match(cursor, /^[\w-]{1,64}$/);
  await publish_numbers(hall, 0, COUNT);
  await numbers.count(COUNT);
  numbers.check(COUNT);
});

test('curl reads the event stream and a poll', async (t) => {
  const numbers = new Numbers();
  const curl = new Process('curl', ['-sSN', `${hall.gateway.url}/v1/events?topic=${topic}&from=now`]);
  t.after(() => curl.end());
  curl.out.on('line', (line) => { if (line.startsWith('data:')) numbers.take(JSON.parse(line.slice(5))); });
  await numbers.begun();
  const from = numbers.cursor;
  await publish_numbers(hall, 0, COUNT);
  await numbers.count(COUNT);
  numbers.check(COUNT);

  const polled = new Numbers();
  const once = new Process('curl', ['-sS', `${hall.gateway.url}/v1/poll?topic=${topic}&from=${from}&limit=${COUNT}`]);
  t.after(() => once.end());
  once.out.on('line', (line) => polled.take(JSON.parse(line)));
  await polled.count(COUNT);
  polled.check(COUNT);
});

test('one cursor goes from poll to events to WebSocket and back while readings come', async (t) => {
  const numbers = new Numbers();
  numbers.take(await poll('now'));
  const published = publish_numbers(hall, 0, 4 * COUNT);

  await poll_until(numbers, COUNT, '&limit=11');

  const source = new EventSource(`${hall.gateway.url}/v1/events?topic=${topic}&from=${numbers.cursor}`);
  t.after(() => source.close());
  source.onmessage = ({data}) => numbers.take(JSON.parse(data));
  await numbers.count(2 * COUNT);
  source.close();

  const socket = new WebSocket(ws_url(numbers.cursor));
  t.after(() => socket.terminate());
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const take = (data) => numbers.take(JSON.parse(data));
  socket.on('message', take);
  await numbers.count(3 * COUNT);
  socket.off('message', take);
  socket.close();
  await closed;

  await poll_until(numbers, 4 * COUNT);
  await published;
  numbers.check(4 * COUNT);
});
