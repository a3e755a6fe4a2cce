// Starts the built program and a real broker in a directory of the test's own, waits for what they say, and
// leaves nothing behind, whatever way the test ends.
//
// FIELDCAST_PROGRAM names the program (default: build/release/fieldcast), FIELDCAST_ECHO the echo server beside it,
// MOSQUITTO the broker.
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import {fileURLToPath} from 'node:url';
import mqtt from 'mqtt';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PROGRAM = process.env.FIELDCAST_PROGRAM || path.join(ROOT, 'build/release/fieldcast');
const ECHO = process.env.FIELDCAST_ECHO || path.join(ROOT, 'build/release/fieldcast_echo');
const MOSQUITTO = process.env.MOSQUITTO || '/usr/sbin/mosquitto';

// Everything here takes well under a second; a busy machine may take this long.
export const DEADLINE_MS = 30_000;

const running = new Set();
const directories = new Set();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const directory of directories) rmSync(directory, {recursive: true, force: true, maxRetries: 3});
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

// Rejects with what was waited for when `promise` takes too long.
export async function within(promise, what, ms = DEADLINE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what()}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function make_directory() {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'fieldcast-browser-'));
  directories.add(directory);
  directories.add(journal_of(directory));
  return directory;
}

function remove_directory(directory) {
  for (const name of [directory, journal_of(directory)]) {
    rmSync(name, {recursive: true, force: true, maxRetries: 3});
    directories.delete(name);
  }
}

// In memory; the gateway makes it.
function journal_of(directory) {
  return path.join('/dev/shm', path.basename(directory));
}

function database_of(directory) {
  return path.join(directory, 'fieldcast.db');
}

export async function free_port() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const {port} = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export class Process {
  #ended;
  #said = [];

  constructor(command, args, options = {}) {
    this.child = spawn(command, args, {stdio: ['pipe', 'pipe', 'pipe'], ...options});
    running.add(this.child);
    this.#ended = new Promise((resolve) => {
      this.child.once('error', (error) => {
        this.#said.push(String(error));
        running.delete(this.child);
        resolve();
      });
      this.child.once('exit', () => {
        running.delete(this.child);
        resolve();
      });
    });
    this.out = readline.createInterface({input: this.child.stdout});
    this.err = readline.createInterface({input: this.child.stderr});
    this.out.on('line', (line) => this.#said.push(line));
    this.err.on('line', (line) => this.#said.push(line));
  }

  // The match of the first line that fits.
  async says(pattern) {
    let look;
    const found = new Promise((resolve) => {
      look = (line) => {
        const match = pattern.exec(line);
        if (match) resolve(match);
      };
      for (const lines of [this.out, this.err]) lines.on('line', look);
    });
    const ended = this.#ended.then(() => {
      throw new Error(`ended before it said ${pattern}:\n${this.#said.join('\n')}`);
    });
    try {
      return await within(Promise.race([found, ended]), () => `${pattern} in\n${this.#said.join('\n')}`);
    } finally {
      for (const lines of [this.out, this.err]) lines.off('line', look);
    }
  }

  signal(name) {
    this.child.kill(name);
  }

  async end(signal = 'SIGTERM') {
    this.child.kill(signal);
    await within(this.#ended, () => `the end of ${this.child.spawnfile} after ${signal}`);
  }
}

export async function start_broker(directory, port) {
  const config = path.join(directory, 'mosquitto.conf');
  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nlog_dest stderr\n`);
  const broker = new Process(MOSQUITTO, ['-c', config]);
  await broker.says(/mosquitto version .* running/);
  return broker;
}

// Deletes the log of a gateway that has ended: the next one begins another.
export function lose_log(directory) {
  rmSync(journal_of(directory), {recursive: true, force: true});
  for (const suffix of ['', '-wal', '-shm']) rmSync(database_of(directory) + suffix, {force: true});
}

// `port` 0: any. The result has `url` and `port`. In a directory where one was before, it goes on with that one's log.
export async function start_gateway(directory, {broker_port, port = 0}) {
  const config = path.join(directory, 'fieldcast.toml');
  writeFileSync(config, `
[server]
listen = ["127.0.0.1:${port}"]

[[mqtt]]
name = "local"
url = "mqtt://127.0.0.1:${broker_port}"
client_id = "fieldcast-browser-test"
topics = ["hall/#"]

[storage]
path = "${database_of(directory)}"
journal = "${journal_of(directory)}"
`);
  const gateway = new Process(PROGRAM, ['--config', config]);
  const [, url, bound] = await gateway.says(/listening on (http:\/\/127\.0\.0\.1:(\d+))/);
  return Object.assign(gateway, {url, port: Number(bound)});
}

// Echoes what comes at `url`.
export async function start_echo() {
  const echo = new Process(ECHO, ['--port', '0']);
  const [, url] = await echo.says(/listening on (ws:\/\/127\.0\.0\.1:\d+)/);
  return Object.assign(echo, {url, stop: () => echo.end()});
}

// A broker, which may have stored a message, a gateway that is subscribed to it, and a publisher.
export async function start_hall({stored} = {}) {
  const directory = make_directory();
  const broker_port = await free_port();
  const hall = {directory, broker_port};
  hall.broker = await start_broker(directory, broker_port);
  hall.publisher = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker_port}`, {reconnectPeriod: 100});
  // Resolves once the broker has acknowledged it.
  hall.publish = (topic, payload, options = {}) => hall.publisher.publishAsync(topic, payload, {qos: 1, ...options});
  if (stored) await hall.publish(stored.topic, stored.payload, {retain: true});
  hall.gateway = await start_gateway(directory, {broker_port});
  await link_up(hall.gateway.url);
  hall.stop = async () => {
    await hall.publisher.endAsync(true);
    await hall.gateway.end();
    await hall.broker.end();
    remove_directory(directory);
  };
  return hall;
}

// Waits, by long polls, until the gateway says that its link to the broker is up.
export async function link_up(url) {
  await within((async () => {
    for (let from = 'now', state; state !== 'up';) {
      const answer = await fetch(`${url}/v1/poll?topic=%23&from=${from}&timeout=30`);
      const batch = await answer.json();
      from = batch.cursor;
      state = batch.links?.at(-1)?.state ?? state;
    }
  })(), () => 'the link to the broker up');
}
