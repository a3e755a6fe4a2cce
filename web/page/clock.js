// Ages on the gateway's time scale. The clocks of the gateway and of this device may differ by years (a
// machine without a battery clock), and either may be set while the page is open. So an age is the
// reading's age when it arrived, by the gateway's clock, plus the time that has passed here since.

// A set of this device's clock is told from a sleep only by its size; a smaller one is left to the steady clock.
const SLEEP_MS = 2_000;

let passed = 0;
let last_steady = performance.now();
let last_wall = Date.now();

// Milliseconds that never go back. Browsers may stop the steady clock while the device sleeps, so a leap of
// the wall clock counts too: then an age is rather too high than too low.
export function now() {
  const steady = performance.now();
  const wall = Date.now();
  const step = steady - last_steady;
  passed += wall - last_wall - step > SLEEP_MS ? wall - last_wall : step;
  last_steady = steady;
  last_wall = wall;
  return passed;
}

let offset = null;  // now() less the gateway's Unix ms; null until measured

// Asks the gateway for its time (the Date of RFC 9110, whole seconds). Of what fits we take the largest
// offset: a reading that came just now is never shown as old, and no age is more than a second and the
// round trip too low. A failed request changes nothing: the stream tells the user about the connection.
export async function measure() {
  const asked = now();
  try {
    const answer = await fetch('/healthz', {method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(5_000)});
    const answered = now();
    const date = Date.parse(answer.headers.get('Date'));
    const fits = offset !== null && offset > asked - date - 1_000 && offset <= answered - date;
    if (!Number.isNaN(date) && !fits) offset = answered - date;
  } catch {
    return;
  }
}

// When something of the gateway's `time` (Unix ms) arrived here.
export class Arrival {
  #time;
  #arrived = now();
  #age = null;

  constructor(time) {
    this.#time = time;
  }

  // Milliseconds; `exact` is false while the gateway's clock is not known, then it counts from the arrival.
  age() {
    if (this.#age === null && offset !== null) this.#age = Math.max(0, this.#arrived - offset - this.#time);
    return {ms: now() - this.#arrived + (this.#age ?? 0), exact: this.#age !== null};
  }
}

export function in_words(ms) {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400).toLocaleString('en')} d`;
}
