// A batch's JSON, with the digits of its payloads as they were sent.

// As many digits may be more than a double holds.
const LONG_NUMBER = /(?:\d\.?){16}/;

// Where the browser can (JSON.rawJSON, 2025), a number that a double may change keeps its digits: it becomes a
// raw value that only JSON.stringify reads. Others show the nearest double.
function keep_digits(key, value, context) {
  const changed = typeof value === 'number' && !Number.isSafeInteger(value) && LONG_NUMBER.test(context?.source);
  return changed && JSON.rawJSON ? JSON.rawJSON(context.source) : value;
}

export function parse(text) {
  return LONG_NUMBER.test(text) ? JSON.parse(text, keep_digits) : JSON.parse(text);
}
