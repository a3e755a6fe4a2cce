// What a page gets without any library: Chromium's own EventSource and WebSocket.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {FILTER, Numbers, publish_numbers} from './support/numbers.mjs';
import {start_chromium} from './support/chromium.mjs';
import {start_hall} from './support/processes.mjs';
import {start_proxy} from './support/proxy.mjs';

const COUNT = 300;
let hall, proxy, browser;

before(async () => {
  hall = await start_hall();
  proxy = await start_proxy(hall.gateway.port);
  browser = await start_chromium(hall.directory);
});

after(async () => {
  await browser?.close();
  await proxy?.stop();
  await hall?.stop();
});

// A page of the gateway's origin that runs nothing itself, and hands what it receives to `take`.
async function blank_page(t, take) {
  const page = await browser.newPage();
  t.after(() => page.close());
  await page.exposeFunction('take', take);
  await page.goto(`${proxy.url}/healthz`);
  return page;
}

test('EventSource resumes by itself after a cut', async (t) => {
  const numbers = new Numbers();
  const page = await blank_page(t, (data, id) => {
    const batch = JSON.parse(data);
    assert.equal(id, batch.cursor);
    numbers.take(batch);
  });
  await page.evaluate((filter) => {
    window.source = new EventSource(`/v1/events?topic=${encodeURIComponent(filter)}&from=now`);
    window.source.onmessage = ({data, lastEventId}) => window.take(data, lastEventId);
  }, FILTER);
  await numbers.begun();
  const part = COUNT / 3;
  for (const first of [0, part]) {
    const published = publish_numbers(hall, first, first + part);
    await numbers.count(first + part / 2);
    proxy.cut();
    await published;
  }
  await publish_numbers(hall, 2 * part, COUNT);
  await numbers.count(COUNT);
  numbers.check(COUNT);
  assert.equal(proxy.heads.filter((head) => /^last-event-id: \S+\r$/im.test(head)).length, 2);
});

test('WebSocket resumes with its cursor after a cut', async (t) => {
  const numbers = new Numbers();
  const page = await blank_page(t, (data) => numbers.take(JSON.parse(data)));
  await page.evaluate((filter) => {
    const open = (from) => {
      let cursor = from;
      const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/v1/ws?topic=${encodeURIComponent(filter)}&from=${from}`);
      socket.onmessage = ({data}) => {
        cursor = JSON.parse(data).cursor;
        window.take(data);
      };
      socket.onclose = () => open(cursor);
    };
    open('now');
  }, FILTER);
  await numbers.begun();
  const published = publish_numbers(hall, 0, COUNT - 1);
  await numbers.count(COUNT / 3);
  proxy.cut();
  await published;
  await publish_numbers(hall, COUNT - 1, COUNT);  // surely after the cut
  await numbers.count(COUNT);
  numbers.check(COUNT);
});
