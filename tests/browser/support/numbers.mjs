// Numbered readings: published 0, 1, 2, ... over several topics, and received exactly once, in order.
import assert from 'node:assert/strict';
import {DEADLINE_MS, within} from './processes.mjs';

export const FILTER = 'hall/numbers/+';

// Publishes first, first + 1, ... up to end - 1, each after the broker's acknowledgement of the one before.
export async function publish_numbers(hall, first, end) {
  for (let n = first; n < end; ++n) await hall.publish(`hall/numbers/${n % 3}`, String(n));
}

// Takes batches and knows when all numbers below an end have come.
export class Numbers {
  readings = [];
  gaps = [];
  cursor = null;
  batches = 0;
  #waiting = [];

  take(batch) {
    if (batch.type !== 'readings') return;
    ++this.batches;
    this.cursor = batch.cursor;
    if (batch.gap) this.gaps.push(batch.gap);
    this.readings.push(...batch.readings);
    this.#waiting = this.#waiting.filter(({fits, resolve}) => !fits() || resolve());
  }

  #until(fits, what) {
    if (fits()) return Promise.resolve();
    return within(new Promise((resolve) => this.#waiting.push({fits, resolve})),
                  () => `${what}; ${this.readings.length} readings in ${this.batches} batches came`, DEADLINE_MS);
  }

  count(count) {
    return this.#until(() => this.readings.length >= count, `${count} readings`);
  }

  // The first batch: from now on nothing that is published can be missed.
  begun() {
    return this.#until(() => this.batches > 0, 'the first batch');
  }

  check(count) {
    assert.deepEqual(this.gaps, []);
    assert.deepEqual(this.readings.map(({payload}) => payload), Array.from({length: count}, (_, n) => n));
    for (let i = 0; i < count; ++i) {
      const {seq, time, topic, ...rest} = this.readings[i];
      assert.equal(topic, `hall/numbers/${i % 3}`);
      assert.ok(Number.isSafeInteger(seq) && (i === 0 || seq > this.readings[i - 1].seq), `seq ${seq} at ${i}`);
      assert.ok(Math.abs(Date.now() - time) < 10 * DEADLINE_MS, `time ${time}`);
      assert.deepEqual(rest, {payload: i});
    }
  }
}
