// What is drawn on canvas: the ruler with the waveform, and the overview of the whole recording.

const BAR_PX = 3; // a bar of the waveform and the gap after it
const MARGIN = 0.5; // of the width in sight is drawn on each side of it, so that not every scroll draws anew
const TICK_STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
const TICK_PX = 90; // at least, from label to label
const waveCanvas = byId("wave");
const overviewCanvas = byId("overview").querySelector("canvas");
const drawn = { from: 0, to: 0 }; // of the timeline, in pixels

// (lowest, highest) of each of equal pieces of the recording, from -127 to 127.
const peaks = Int8Array.from(atob(data.peaks), (character) => character.charCodeAt(0));
const peaksPerS = peaks.length / 2 / (data.sound_ms / 1000 || 1);

const css = (element, variable) => getComputedStyle(element).getPropertyValue(variable).trim();
const hueOf = (speaker) => css(speakerLanes[speaker].row, "--hue");
const tickStep = () => TICK_STEPS_S.find((step) => step * view.pxPerS >= TICK_PX) ?? TICK_STEPS_S.at(-1);

/** The context of a canvas of that size in CSS pixels, cleared, sharp on screens with more. */
function prepare(canvas, width, height) {
  const ratio = Math.min(devicePixelRatio || 1, 2);
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  canvas.style.width = `${width}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return context;
}

/** [lowest, highest] of the waveform between two times, from -1 to 1. */
function peakBetween(start, end) {
  const first = Math.floor(start * peaksPerS);
  const last = Math.min(Math.max(Math.ceil(end * peaksPerS), first + 1), peaks.length / 2);
  let low = 127;
  let high = -127;
  for (let i = first; i < last; i++) {
    low = Math.min(low, peaks[2 * i]);
    high = Math.max(high, peaks[2 * i + 1]);
  }
  return low > high ? [0, 0] : [low / 127, high / 127];
}

function drawWave(context, from, to, top, height) {
  const hues = data.speakers.map((_, speaker) => hueOf(speaker));
  const silent = css(document.documentElement, "--wave");
  const middle = top + height / 2;
  for (let bar = Math.floor(from / BAR_PX); bar * BAR_PX < to; bar++) {
    const start = (bar * BAR_PX) / view.pxPerS;
    const end = start + BAR_PX / view.pxPerS;
    const [low, high] = peakBetween(start, end);
    const turn = turnsAt((start + end) / 2).find(isShown);
    context.fillStyle = turn ? hues[turn.of] : silent;
    context.fillRect(bar * BAR_PX - from, middle - (high * height) / 2, BAR_PX - 1, Math.max(1, ((high - low) * height) / 2));
  }
}

function drawRuler(context, from, to, height) {
  const step = tickStep();
  context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  context.textBaseline = "top";
  const ink = css(document.documentElement, "--muted");
  const line = css(document.documentElement, "--line");
  for (let tick = Math.max(0, Math.floor(from / view.pxPerS / step) - 1); tick * step * view.pxPerS < to; tick++) {
    const x = Math.round(tick * step * view.pxPerS - from);
    context.fillStyle = line;
    context.fillRect(x, 0, 1, height);
    context.fillStyle = ink;
    context.fillText(clock(tick * step, step < 1 ? 1 : 0), x + 4, 3);
  }
}

function drawTimeline() {
  const width = viewWidth();
  const whole = duration * view.pxPerS;
  drawn.from = Math.max(0, Math.floor(scroller.scrollLeft - MARGIN * width));
  drawn.to = Math.min(whole, Math.ceil(scroller.scrollLeft + (1 + MARGIN) * width));
  const height = byId("ruler").clientHeight;
  const context = prepare(waveCanvas, drawn.to - drawn.from, height);
  waveCanvas.style.left = `${drawn.from}px`;
  drawRuler(context, drawn.from, drawn.to, height);
  if (peaks.length) drawWave(context, drawn.from, drawn.to, 20, height - 22);
}

function drawOverview() {
  const { clientWidth, clientHeight } = byId("overview");
  const context = prepare(overviewCanvas, clientWidth, clientHeight);
  const row = (clientHeight - 6) / shown.size;
  [...shown].sort((a, b) => a - b).forEach((speaker, place) => {
    context.fillStyle = hueOf(speaker);
    for (const turn of turns) {
      if (turn.of !== speaker) continue;
      const width = Math.max(((turn.end - turn.start) / duration) * clientWidth, 1);
      context.fillRect((turn.start / duration) * clientWidth, 3 + place * row, width, Math.max(row - 1, 1));
    }
  });
}

function placeWindow() {
  const share = Math.min(viewWidth() / (duration * view.pxPerS), 1);
  const element = byId("window");
  element.hidden = share > 0.999;
  element.style.left = `${(100 * viewStart()) / duration}%`;
  element.style.width = `${100 * share}%`;
  element.setAttribute("aria-valuenow", viewStart().toFixed(1));
  element.setAttribute("aria-valuetext", `${clock(viewStart(), 0)} to ${clock(viewStart() + share * duration, 0)}`);
}

function drawAll() {
  drawTimeline();
  drawOverview();
  placeWindow();
}

function drawIfNeeded() {
  placeWindow();
  const end = Math.min(scroller.scrollLeft + viewWidth(), duration * view.pxPerS);
  if (scroller.scrollLeft < drawn.from || end > drawn.to + 1) drawTimeline();
}

/** A press on the overview goes there; a drag, and the keys of a scroll bar, move what is shown. */
function startOverview() {
  const overview = byId("overview");
  const middleAt = (clientX) => {
    const box = overview.getBoundingClientRect();
    return Math.min(Math.max((clientX - box.left) / box.width, 0), 1) * duration;
  };
  overview.addEventListener("pointerdown", (event) => {
    overview.setPointerCapture(event.pointerId);
    view.wandered = true;
    scrollToTime(middleAt(event.clientX), 0.5);
  });
  overview.addEventListener("pointermove", (event) => {
    if (overview.hasPointerCapture(event.pointerId)) scrollToTime(middleAt(event.clientX), 0.5);
  });
  byId("window").addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -0.1, ArrowRight: 0.1, PageUp: -0.9, PageDown: 0.9, Home: -Infinity, End: Infinity };
    if (!(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    view.wandered = true;
    const left = scroller.scrollLeft + steps[event.key] * viewWidth();
    scroller.scrollLeft = Math.min(Math.max(left, 0), duration * view.pxPerS);
  });
  on("names", placeWindow);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
}
