// The live page in Chromium: it shows what comes, as text, and says so when what it shows may be old.
// Screenshots go to $FIELDCAST_ARTIFACTS, or to the test's own directory, which is removed.
import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {start_chromium} from './support/chromium.mjs';
import {DEADLINE_MS, lose_log, start_broker, start_gateway, start_hall} from './support/processes.mjs';

// The page gives a silent gateway two heartbeats of 5 s, and asks for a snapshot at most every 5 s.
const SLOW_MS = 100_000;
const STORED = {topic: 'hall/press-1/name', payload: 'P1'};
const PHONE = {width: 360, height: 740};
const DESK = {width: 1100, height: 800};

let hall, browser, page, artifacts, policy;
const complaints = [];  // of the console, and uncaught errors
const hosts = new Set();

before(async () => {
  hall = await start_hall({stored: STORED});
  artifacts = process.env.FIELDCAST_ARTIFACTS || hall.directory;
  mkdirSync(artifacts, {recursive: true});
  browser = await start_chromium(hall.directory);
  page = await browser.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  page.on('console', (message) => { if (['error', 'warning', 'warn'].includes(message.type())) complaints.push(message.text()); });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => hosts.add(new URL(request.url()).host));
  await page.setViewport(DESK);
  const answer = await page.goto(`${hall.gateway.url}/`);
  assert.equal(answer.status(), 200);
  policy = answer.headers()['content-security-policy'];
  await text_is('state', 'live');
});

after(async () => {
  await browser?.close();
  await hall?.stop();
});

// What the row of a topic (the whole of it) shows, once that is as wanted; `age_from` is a least age in seconds.
async function row(topic, wanted = {}, timeout = DEADLINE_MS) {
  const handle = await page.waitForFunction((name, {age_from = 0, ...rest}) => {
    const element = [...document.querySelectorAll('#topics tr')].find((tr) => tr.querySelector('th .text').textContent === name);
    if (!element) return false;
    const shown = {
      value: element.querySelector('td .text').textContent,
      tags: element.querySelector('.tags').textContent,
      age: element.querySelector('.age').textContent,
      old: element.classList.contains('old'),
    };
    return Object.keys(rest).every((key) => shown[key] === rest[key]) && parseInt(shown.age.replace('≥ ', '')) >= age_from && shown;
  }, {timeout}, topic, wanted);
  return handle.jsonValue();
}

function text_is(id, text, timeout = DEADLINE_MS) {
  return page.waitForFunction((i, t) => document.getElementById(i).textContent === t, {timeout}, id, text);
}

function text_matches(id, pattern, timeout = DEADLINE_MS) {
  return page.waitForFunction((i, p) => new RegExp(p).test(document.getElementById(i).textContent), {timeout}, id, pattern.source);
}

async function screenshot(name, viewport, scheme = 'light') {
  await page.emulateMediaFeatures([{name: 'prefers-color-scheme', value: scheme}]);
  await page.setViewport(viewport);
  await page.screenshot({path: path.join(artifacts, `${name}.png`)});
}

test('loads from its own host only, under a strict policy', () => {
  assert.match(policy, /(default|script)-src '(none|self)'/);
  assert.doesNotMatch(policy, /unsafe|\*|data:|https?:/);
  assert.deepEqual([...hosts], [new URL(hall.gateway.url).host]);
});

test('shows topics, values and their kinds, live', async () => {
  await text_is('brokers', 'broker local up');
  await hall.publish('hall/press-1/temperature', '21.5');
  await hall.publish('hall/press-1/state', 'running');
  await hall.publish('hall/press-1/mode', '"on"');
  await hall.publish('hall/press-1/all', '{"a": [1, 2.50, null], "b": "x"}');
  await hall.publish('hall/press-1/count', '12345678901234567890');
  await hall.publish('hall/press-1/raw', Buffer.from([0xff, 0x00, 0x80]));
  await hall.publish('hall/press-1/nothing', '');
  await hall.publish('hall/press-1/much', 'm'.repeat(300 * 1024));
  await row('hall/press-1/temperature', {value: '21.5', tags: ''});
  await row('hall/press-1/state', {value: 'running', tags: 'text'});
  await row('hall/press-1/mode', {value: '"on"', tags: ''});
  await row('hall/press-1/all', {value: '{"a":[1,2.5,null],"b":"x"}'});
  await row('hall/press-1/count', {value: '12345678901234567890'});
  await row('hall/press-1/raw', {value: '/wCA', tags: 'base64'});
  await row('hall/press-1/nothing', {value: '', tags: 'empty text'});
  await row('hall/press-1/much', {value: '', tags: 'omitted: 307,200 bytes'});
  await text_is('count', '9 topics');
  for (const value of [22, 23.25, -4]) {
    await hall.publish('hall/press-1/temperature', String(value));
    await row('hall/press-1/temperature', {value: String(value)});
  }
  await text_matches('rate', /^[1-9][\d.]* readings\/s|^0\.[1-9]/);
  await row('hall/press-1/temperature', {age_from: 2});
  await text_is('rate', '0 readings/s', SLOW_MS);
});

test('shows what the broker had stored as such, and ages go on over a reload', async () => {
  const {age} = await row(STORED.topic, {value: STORED.payload, tags: 'text, retained'});
  assert.match(age, /^≥ /);
  await row('hall/press-1/temperature', {age_from: 3});
  await page.reload();
  const stored = await row('hall/press-1/temperature', {value: '-4', age_from: 2});
  assert.match(stored.age, /^\d+ s$/, 'the age on the gateway\'s clock is known exactly');
});

test('shows hostile topics and payloads as text within the layout', async () => {
  const markup = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>';
  const marks = '\u202Egnp.exe \u2067 \u0627\u0644\u0639';
  const long = `${'y'.repeat(9_999)}\u{1F321}`;
  await hall.publish(`hall/${markup.replaceAll('/', '|')}`, markup);
  await hall.publish('hall/marks \u202Egnp', marks);
  await hall.publish(`hall/${'x'.repeat(10_000)}`, long);
  await hall.publish('hall/__proto__', '{"__proto__": {"a": 1}}');
  await row(`hall/${markup.replaceAll('/', '|')}`, {value: markup});
  await row('hall/marks \u202Egnp', {value: marks});
  await row('hall/__proto__', {value: '{"__proto__":{"a":1}}'});

  await page.type('#search', 'XXXX');
  await page.waitForFunction(() => document.querySelectorAll('#topics tr').length === 1);
  const [topic, value] = await page.$$eval('#topics .text', (texts) => texts.map((text) => ({all: text.textContent, shown: text.innerText, title: text.title})));
  assert.match(topic.all, /^hall\/x{1900,2000}… \(10,005 characters\)$/);
  assert.match(value.shown, /^y{200}… \(10,001 characters\)$/);
  assert.equal(value.title, 'y'.repeat(2_000));
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  const opened = await page.evaluate(() => document.activeElement.innerText);
  assert.match(opened, /^y{2000}… /, 'the keyboard opens more of a long value');
  await page.$eval('#search', (input) => {
    input.value = '';
    input.dispatchEvent(new Event('input'));
  });
  await row('hall/__proto__');

  for (const scheme of ['light', 'dark']) {
    for (const [name, viewport] of Object.entries({phone: PHONE, desk: DESK})) {
      await screenshot(`hostile-${name}-${scheme}`, viewport, scheme);
      const [wide, width] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.equal(wide, width, `${name}: nothing is wider than the window`);
      const past = await page.$$eval('#topics th, #topics td', (cells) => cells.filter((cell) => cell.scrollWidth > cell.clientWidth + 1).length);
      assert.equal(past, 0, `${name}: no text runs out of its cell`);
    }
  }
  // A mark that a text leaves open must not reach the tags behind it.
  const order = await page.evaluate(() => {
    const shown = [...document.querySelectorAll('#topics tr')].find((tr) => tr.textContent.includes('marks'));
    return shown.querySelector('td .text').getBoundingClientRect().left < shown.querySelector('.tags').getBoundingClientRect().left;
  });
  assert.ok(order);
  assert.equal(await page.evaluate(() => window.broken), undefined);
  assert.equal(await page.evaluate(() => document.querySelectorAll('main img, main script').length), 0);
});

test('draws a bounded number of many topics, and the search finds the others', async () => {
  await Promise.all(Array.from({length: 700}, (_, n) => hall.publish(`hall/many/${String(n).padStart(3, '0')}`, String(n))));
  await text_matches('shown', /^Shown are the first 500 of 7\d\d topics/);
  assert.equal(await page.$$eval('#topics tr', (rows) => rows.length), 500);
  await page.type('#search', 'MANY/69');
  await page.waitForFunction(() => document.querySelectorAll('#topics tr').length === 10);
  await row('hall/many/699', {value: '699'});
  assert.deepEqual(complaints, []);
});

test('says when the link to the broker is down, and up again', async () => {
  await page.$eval('#search', (input) => {
    input.value = 'press-1';
    input.dispatchEvent(new Event('input'));
  });
  await hall.broker.end('SIGKILL');
  await text_is('brokers', 'broker local down');
  await text_is('state', 'live');
  await text_matches('notice-list', /broker local is down/);
  await screenshot('broker-down', PHONE);
  hall.broker = await start_broker(hall.directory, hall.broker_port);
  await text_is('brokers', 'broker local up', SLOW_MS);
  await text_matches('notice-list', /broker local is up again: readings sent meanwhile are missing/);
  await hall.publish('hall/press-1/temperature', '30');
  await row('hall/press-1/temperature', {value: '30'});
});

test('says when the gateway is silent, and goes on from where it was', async () => {
  hall.gateway.signal('SIGSTOP');
  await text_is('state', 'gateway silent', SLOW_MS);
  await text_matches('since', /^nothing heard for 1\d s$/);
  await text_is('brokers', 'broker local was up');
  await screenshot('silent', PHONE);
  const published = hall.publish('hall/press-1/temperature', '31');
  hall.gateway.signal('SIGCONT');
  await published;
  await text_is('state', 'live', SLOW_MS);
  await row('hall/press-1/temperature', {value: '31', old: false});
  assert.doesNotMatch(await page.$eval('#notice-list', (list) => list.textContent), /Gap/);
});

test('states the gap behind a gateway that lost its log, and marks what may be old', async () => {
  const {port} = hall.gateway;
  await hall.gateway.end('SIGKILL');
  await text_is('state', 'reconnecting');
  await text_matches('since', /^nothing heard for \d+ s$/);
  const {age} = await row('hall/press-1/temperature');
  await row('hall/press-1/temperature', {age_from: parseInt(age) + 2});
  await screenshot('reconnecting', PHONE, 'dark');

  lose_log(hall.directory);
  hall.gateway = await start_gateway(hall.directory, {broker_port: hall.broker_port, port});
  await text_is('state', 'live', SLOW_MS);
  await text_matches('notice-list', /Gap \(unknown\): .* how many is not known\./);
  // The new log has nothing of this topic; what the page still shows is marked until a reading comes.
  await row('hall/press-1/mode', {value: '"on"', old: true, tags: 'from before a gap'});
  await text_is('brokers', 'broker local up', SLOW_MS);
  await screenshot('gap-phone', PHONE);
  await screenshot('gap-desk', DESK, 'dark');
  await hall.publish('hall/press-1/mode', '"off"');
  await row('hall/press-1/mode', {value: '"off"', old: false, tags: ''});
});

test('has complained of nothing but the connections that were cut', () => {
  assert.deepEqual(complaints.filter((text) => !/net::ERR_/.test(text)), []);
  assert.deepEqual([...hosts], [new URL(hall.gateway.url).host]);
});
