// The client of npm `ws` against fieldcast_echo: lengths of every form, fragments, pings between, TCP pieces as they come.
import assert from 'node:assert/strict';
import {randomBytes} from 'node:crypto';
import {after, before, test} from 'node:test';
import WebSocket from 'ws';
import {start_echo, within} from './support/processes.mjs';

const MIB = 1 << 20;
let echo;

before(async () => { echo = await start_echo(); });
after(() => echo.stop());

// A client, and what it receives: messages and pongs, in order.
async function connect(t) {
  const socket = new WebSocket(echo.url, {perMessageDeflate: true});
  t.after(() => socket.terminate());
  const received = [], waiting = [];
  const take = (item) => (waiting.length > 0 ? waiting.shift()(item) : received.push(item));
  socket.on('message', (data, binary) => take({binary, data}));
  socket.on('pong', (data) => take({pong: data.toString()}));
  socket.on('error', (error) => take({error}));
  await within(new Promise((resolve) => socket.once('open', resolve)), () => 'the handshake');
  assert.equal(socket.extensions, '');
  const next = (what) => within(
    received.length > 0 ? Promise.resolve(received.shift()) : new Promise((resolve) => waiting.push(resolve)), () => what);
  return {socket, next};
}

async function close(socket, code) {
  const closed = new Promise((resolve) => socket.once('close', (...said) => resolve(said)));
  socket.close(code, 'bye');
  const [answer] = await within(closed, () => `the answer to a close with ${code}`);
  assert.equal(answer, code);
}

test('messages of every size come back as they were', async (t) => {
  const {socket, next} = await connect(t);
  for (const size of [0, 1, 125, 126, 127, 1000, 65535, 65536, 65537, MIB, 4 * MIB, 16 * MIB]) {
    for (const binary of [true, false]) {
      const data = binary ? randomBytes(size) : Buffer.from('aé€𐍈'.repeat(size / 10 + 1)).subarray(0, size - size % 10);
      socket.send(data, {binary});
      const answer = await next(`${size} bytes`);
      assert.equal(answer.binary, binary);
      assert.ok(answer.data.equals(data), `${size} bytes came back otherwise`);
    }
  }
  await close(socket, 1000);
});

test('a message in fragments of any size, pings between, comes back whole', async (t) => {
  const {socket, next} = await connect(t);
  const data = randomBytes(MIB);
  for (const size of [64, 1000, 4096, 65536, 300_000]) {
    let pings = 0;
    for (let at = 0; at < data.length; at += size) {
      socket.send(data.subarray(at, at + size), {binary: true, fin: at + size >= data.length});
      if (at % (64 * size) === 0 && at + size < data.length) socket.ping(`${pings++}`);
    }
    // Of pings that come together the latest must be answered, the others may be.
    let answer, last = -1;
    while (!('data' in (answer = await next(`fragments of ${size}`)))) {
      assert.ok(Number(answer.pong) > last, `pong ${answer.pong} after ${last}`);
      last = Number(answer.pong);
    }
    assert.ok(answer.data.equals(data));
    while (last < pings - 1) last = Number((await next('the last pong')).pong);
  }
  await close(socket, 4000);
});

test('a thousand messages sent without waiting come back in order', async (t) => {
  const {socket, next} = await connect(t);
  for (let i = 0; i < 1000; ++i) socket.send(`${i} ${'x'.repeat(i)}`);
  for (let i = 0; i < 1000; ++i) assert.equal((await next(`message ${i}`)).data.toString(), `${i} ${'x'.repeat(i)}`);
  await close(socket, 1001);
});
