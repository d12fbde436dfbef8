// The timeline: lanes of turns under a ruler, with zoom and scroll; see drawing.js for what is drawn on canvas.

const MOST_PX_PER_S = 200;
const FIRST_PX_PER_S = 10; // where the whole does not fit
const scroller = byId("scroller");
const content = byId("content");
const lanes = byId("lanes");
const view = { pxPerS: FIRST_PX_PER_S, selected: undefined, wandered: false, dragged: false };
const turnElements = [];

const labelWidth = () => byId("ruler").offsetLeft;
const viewWidth = () => scroller.clientWidth - labelWidth();
const fitPxPerS = () => viewWidth() / duration;
const viewStart = () => scroller.scrollLeft / view.pxPerS;
const timeAt = (clientX) =>
  Math.min(Math.max((clientX - byId("ruler").getBoundingClientRect().left) / view.pxPerS, 0), duration);

/** Zooms so that `time` stays where it is, `x` pixels from the left of what is shown. */
function setZoom(pxPerS, time, x) {
  const fit = fitPxPerS();
  view.pxPerS = Math.max(Math.min(pxPerS, Math.max(MOST_PX_PER_S, fit)), fit);
  // Not by variables of CSS: all turns would inherit them, and take their time.
  content.style.width = `${labelWidth() + duration * view.pxPerS}px`;
  for (const track of lanes.querySelectorAll(".track")) track.style.backgroundSize = `${tickStep() * view.pxPerS}px 100%`;
  scroller.scrollLeft = time * view.pxPerS - x;
  drawAll();
  placePlayhead();
}

/** Zooms about the playhead where that is in sight, else about the middle. */
function zoomBy(factor) {
  const playheadX = player.position * view.pxPerS - scroller.scrollLeft;
  const x = playheadX >= 0 && playheadX <= viewWidth() ? playheadX : viewWidth() / 2;
  setZoom(view.pxPerS * factor, viewStart() + x / view.pxPerS, x);
}

function scrollToTime(time, share) {
  scroller.scrollLeft = time * view.pxPerS - share * viewWidth();
}

function keepInSight(time) {
  const x = time * view.pxPerS - scroller.scrollLeft;
  if (x < 0 || x > 0.95 * viewWidth()) scrollToTime(time, 0.1);
}

function place(element, piece) {
  element.style.left = `${(100 * piece.start) / duration}%`;
  element.style.width = `${(100 * (piece.end - piece.start)) / duration}%`;
  return element;
}

function lane({ name, look, total }, className = "") {
  const text = make("span", { textContent: name, title: name });
  const track = make("div", { className: "track" });
  const label = make("div", { className: "label" }, swatch(look), text);
  if (total) label.append(make("span", { className: "muted", textContent: total }));
  const row = make("div", { className: `row lane ${className} ${look}` }, label, track);
  lanes.append(row);
  return { row, text, track };
}

const heading = (text) => lanes.append(make("div", { className: "heading", textContent: text }));

const speakerLanes = [];

function buildLanes() {
  if (data.reference.speakers.length || data.kinds.length) heading("Diarization");
  speakerLanes.push(...data.speakers.map((speaker) => lane(speaker)));
  for (const { track } of speakerLanes) track.setAttribute("role", "group");
  for (const turn of turns) {
    const element = make("button", { className: `turn ${data.speakers[turn.of].look}`, tabIndex: -1 });
    element.dataset.turn = turn.index;
    turnElements.push(place(element, turn));
    speakerLanes[turn.of].track.append(element);
  }
  buildMarks("Reference", data.reference.speakers, referenceTurns, "reference");
  buildMarks("Errors", data.kinds, errors, "thin");
  nameLanes();
}

/** Lanes of pieces that can be clicked, but not focused: the keyboard goes through turns and errors instead. */
function buildMarks(title, rows, pieces, className) {
  if (rows.length) heading(title);
  const built = rows.map((row) => lane(row, className));
  rows.forEach((row, i) => {
    built[i].track.setAttribute("role", "img");
    built[i].track.setAttribute("aria-label", `${title}: ${row.name}, ${row.total ?? row.summary}`);
  });
  for (const piece of pieces) {
    const title = `${rows[piece.of].name}, ${clock(piece.start)} to ${clock(piece.end)}`;
    const mark = make("div", { className: `mark ${className} ${rows[piece.of].look}`, title });
    mark.dataset.start = piece.start;
    mark.dataset.end = piece.end;
    built[piece.of].track.append(place(mark, piece));
  }
}

function nameLanes() {
  speakerLanes.forEach(({ text, track }, i) => {
    text.textContent = text.title = names[i];
    track.setAttribute("aria-label", `Turns of ${names[i]}`);
  });
  turns.forEach((turn, i) => {
    turnElements[i].title = describe(turn);
    turnElements[i].setAttribute("aria-label", describe(turn));
  });
}

/** Makes a turn the one that Tab goes to. */
function selectTurn(index) {
  if (turnElements[view.selected]) turnElements[view.selected].tabIndex = -1;
  view.selected = index;
  if (turnElements[index]) turnElements[index].tabIndex = 0;
}

function focusTurn(turn) {
  if (!turn) return;
  selectTurn(turn.index);
  turnElements[turn.index].focus({ preventScroll: true });
  turnElements[turn.index].scrollIntoView({ block: "nearest", inline: "nearest" });
  keepInSight(turn.start);
}

/** The turn nearest in time to `turn` among those of the next shown speaker above (-1) or below (1). */
function acrossLanes(turn, step) {
  let speaker = turn.of + step;
  while (speakerLanes[speaker] && !shown.has(speaker)) speaker += step;
  const distance = (other) => Math.abs(other.start + other.end - turn.start - turn.end);
  return turns
    .filter((other) => other.of === speaker)
    .reduce((best, other) => (best && distance(best) <= distance(other) ? best : other), undefined);
}

function onTimelineKey(event) {
  const turn = turns[event.target.dataset.turn];
  if (!turn || event.ctrlKey || event.metaKey || event.altKey) return;
  const targets = {
    ArrowLeft: () => neighbour(turn.index, -1),
    ArrowRight: () => neighbour(turn.index, 1),
    ArrowUp: () => acrossLanes(turn, -1),
    ArrowDown: () => acrossLanes(turn, 1),
    Home: () => neighbour(-1, 1),
    End: () => neighbour(turns.length, -1),
  };
  if (!(event.key in targets)) return;
  event.preventDefault();
  focusTurn(targets[event.key]());
}

function onTimelineClick(event) {
  if (view.dragged || event.target.closest(".label, .heading")) return;
  const onlyIt = event.shiftKey || byId("one-turn").checked;
  const { turn, start, end } = event.target.dataset;
  view.wandered = false;
  if (turn !== undefined) {
    selectTurn(Number(turn));
    playTurn(turns[turn], onlyIt);
  } else if (start !== undefined) {
    playTurn({ start: Number(start), end: Number(end) }, onlyIt);
  } else {
    playFrom(timeAt(event.clientX));
  }
}

/** With the mouse the timeline can be dragged; fingers scroll it as they scroll anything. */
function onTimelinePointerDown(event) {
  view.wandered = true;
  view.dragged = false;
  if (event.pointerType !== "mouse" || event.button !== 0 || !event.target.closest(".track")) return;
  const from = { x: event.clientX, y: event.clientY, left: scroller.scrollLeft, top: scroller.scrollTop };
  const drag = (move) => {
    if (Math.hypot(move.clientX - from.x, move.clientY - from.y) > 4) view.dragged = true;
    if (!view.dragged) return;
    scroller.classList.add("panning");
    scroller.scrollTo(from.left + from.x - move.clientX, from.top + from.y - move.clientY);
  };
  addEventListener("pointermove", drag);
  addEventListener(
    "pointerup",
    () => {
      removeEventListener("pointermove", drag);
      scroller.classList.remove("panning");
      setTimeout(() => (view.dragged = false)); // once the click, which is no click, has come
    },
    { once: true },
  );
}

function onTimelineWheel(event) {
  view.wandered = true;
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  const time = timeAt(event.clientX);
  setZoom(view.pxPerS * Math.exp(-event.deltaY / 300), time, time * view.pxPerS - scroller.scrollLeft);
}

function showCursor(event) {
  const over = event.type !== "pointerleave" && event.pointerType === "mouse" && event.target.closest(".track");
  byId("cursor").hidden = byId("cursor-time").hidden = !over;
  if (!over) return;
  const time = timeAt(event.clientX);
  byId("cursor").style.transform = byId("cursor-time").style.transform = `translateX(${time * view.pxPerS}px)`;
  byId("cursor-time").textContent = clock(time, 2);
}

function placePlayhead() {
  const transform = `translateX(${player.position * view.pxPerS}px)`;
  byId("playhead").style.transform = byId("ruler-playhead").style.transform = transform;
  const share = player.position / duration;
  byId("overview-playhead").style.transform = `translateX(${share * byId("overview").clientWidth}px)`;
}

function startTimeline() {
  buildLanes();
  selectTurn(0);
  scroller.addEventListener("click", onTimelineClick);
  scroller.addEventListener("keydown", onTimelineKey);
  scroller.addEventListener("pointerdown", onTimelinePointerDown);
  scroller.addEventListener("wheel", onTimelineWheel, { passive: false });
  scroller.addEventListener("scroll", drawIfNeeded, { passive: true });
  for (const event of ["pointermove", "pointerleave"]) scroller.addEventListener(event, showCursor);
  scroller.addEventListener("focusin", (event) => {
    if (event.target.dataset.turn) selectTurn(Number(event.target.dataset.turn));
  });
  on("names", nameLanes);
  on("shown", () => {
    speakerLanes.forEach(({ row }, i) => (row.hidden = !shown.has(i)));
    if (turns.length && !isShown(turns[view.selected])) selectTurn(neighbour(-1, 1)?.index ?? view.selected);
    drawAll();
  });
  on("time", () => {
    placePlayhead();
    if (isPlaying() && byId("follow").checked && !view.wandered) keepInSight(player.position);
  });
  let width = 0;
  new ResizeObserver(() => {
    if (viewWidth() === width) return;
    const wasFit = view.pxPerS * duration <= width + 1;
    width = viewWidth();
    setZoom(wasFit ? 0 : view.pxPerS, viewStart(), 0);
  }).observe(scroller);
}
