// What the page knows: turns, speakers, and whoever wants to hear of changes. Times are in seconds.

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const duration = data.duration_ms / 1000;

// An error of the diarization, and a turn of the reference, have the same shape as a turn.
const fromRow = ([startMs, endMs, of], index) => ({ index, start: startMs / 1000, end: endMs / 1000, of });
const turns = data.turns.map(fromRow); // by their start; `of` is the speaker
const referenceTurns = data.reference.turns.map(fromRow);
const errors = data.errors.map(fromRow); // `of` is the kind

const names = data.speakers.map((speaker) => speaker.name);
const shown = new Set(names.keys());

// The latest end among the turns up to each: where it is past, no earlier turn can still go on.
const reach = [];
for (const turn of turns) reach.push(Math.max(turn.end, reach.at(-1) ?? 0));

const listeners = {};
const on = (event, listener) => (listeners[event] ??= []).push(listener);
const emit = (event) => (listeners[event] ?? []).forEach((listener) => listener());

/** How many of `pieces`, sorted by start, start at `time` or before. */
function startedBy(pieces, time) {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (pieces[middle].start <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The turns that go on at `time`, the last to start first. */
function turnsAt(time) {
  const found = [];
  for (let i = startedBy(turns, time) - 1; i >= 0 && reach[i] > time; i--) {
    if (turns[i].end > time) found.push(turns[i]);
  }
  return found;
}

const isShown = (turn) => shown.has(turn.of);

/** The shown turn that is next after turns[index], or before it where `step` is -1. */
function neighbour(index, step) {
  let i = index + step;
  while (turns[i] && !isShown(turns[i])) i += step;
  return turns[i];
}

function setShown(speakers) {
  shown.clear();
  speakers.forEach((speaker) => shown.add(speaker));
  emit("shown");
}

function rename(speaker, name) {
  names[speaker] = name.trim() || data.speakers[speaker].name;
  emit("names");
}

/** Times as people read them, 1:02:03.4; digits past the point as asked. */
function clock(seconds, digits = 1) {
  const unit = 10 ** digits;
  const whole = Math.floor(seconds * unit + 1e-6) / unit;
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = (whole % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

const describe = (turn) =>
  `${names[turn.of]}, ${clock(turn.start)} to ${clock(turn.end)}, ${(turn.end - turn.start).toFixed(1)} s`;

/** A new element, with properties (or attributes, where there is no such property) and children. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

const swatch = (look) => make("span", { className: `swatch ${look}` });

/** The lines of NIST's RTTM, speakers under the names that the user gave them. */
function toRttm() {
  const word = (name) => name.trim().replace(/\s+/g, "_") || "_";
  return data.turns
    .map(([start, end, speaker]) => {
      const times = `${(start / 1000).toFixed(3)} ${((end - start) / 1000).toFixed(3)}`;
      return `SPEAKER ${word(data.recording)} 1 ${times} <NA> <NA> ${word(names[speaker])} <NA> <NA>\n`;
    })
    .join("");
}
