// The table of speakers, and the list of turns, of which only the rows in sight exist.

const ROW_PX = 36;
const turnList = byId("turn-list");
const turnRows = byId("turn-rows");
const speakerRows = [...document.querySelectorAll("tr[data-speaker]")];
const list = { turns, place: new Map(), rows: new Map(), selected: 0 };

function startSpeakers() {
  speakerRows.forEach((row, speaker) => {
    row.querySelector(".name").addEventListener("input", (event) => rename(speaker, event.target.value));
    row.querySelector(".name").addEventListener("change", (event) => (event.target.value = names[speaker]));
    row.querySelector(".show").addEventListener("change", (event) =>
      setShown(event.target.checked ? [...shown, speaker] : [...shown].filter((other) => other !== speaker)),
    );
    row.querySelector(".solo").addEventListener("click", () => setShown(isSolo(speaker) ? names.keys() : [speaker]));
  });
  const label = () =>
    speakerRows.forEach((row, speaker) => {
      row.querySelector(".show").setAttribute("aria-label", `Show ${names[speaker]}`);
      row.querySelector(".solo").setAttribute("aria-label", `Solo ${names[speaker]}`);
    });
  on("names", label);
  label();
  on("shown", () =>
    speakerRows.forEach((row, speaker) => {
      row.querySelector(".show").checked = shown.has(speaker);
      row.querySelector(".solo").setAttribute("aria-pressed", isSolo(speaker));
    }),
  );
}

const isSolo = (speaker) => names.length > 1 && shown.size === 1 && shown.has(speaker);

function filterTurns() {
  list.turns = turns.filter(isShown);
  list.place = new Map(list.turns.map((turn, place) => [turn, place]));
  list.selected = 0;
  turnRows.style.height = `${list.turns.length * ROW_PX}px`;
  const all = list.turns.length === turns.length;
  byId("turn-count").textContent = all ? "" : `${list.turns.length} of ${turns.length} shown`;
  rebuildRows();
}

function rebuildRows() {
  turnRows.replaceChildren();
  list.rows.clear();
  showRows();
}

/** Makes the rows that came into sight and drops those that went, except the one with the focus. */
function showRows() {
  const first = Math.max(0, Math.floor(turnList.scrollTop / ROW_PX) - 4);
  const last = Math.min(list.turns.length, Math.ceil((turnList.scrollTop + turnList.clientHeight) / ROW_PX) + 4);
  for (const [place, row] of list.rows) {
    if ((place >= first && place < last) || row.contains(document.activeElement)) continue;
    row.remove();
    list.rows.delete(place);
  }
  for (let place = first; place < last; place++) {
    if (!list.rows.has(place)) list.rows.set(place, makeRow(place));
  }
  setRowTab();
}

function makeRow(place) {
  const turn = list.turns[place];
  const look = data.speakers[turn.of].look;
  const cell = (textContent) => make("span", { textContent });
  const button = make(
    "button",
    { className: `turn-row ${look}`, tabIndex: -1 },
    cell(turn.index + 1),
    swatch(look),
    cell(names[turn.of]),
    cell(`${clock(turn.start)} – ${clock(turn.end)}`),
    cell(`${(turn.end - turn.start).toFixed(1)} s`),
  );
  button.classList.toggle("speaks", speaking.turns.includes(turn));
  const row = make("li", { "aria-setsize": list.turns.length, "aria-posinset": place + 1 }, button);
  row.style.top = `${place * ROW_PX}px`;
  row.dataset.place = place;
  const after = [...turnRows.children].find((other) => Number(other.dataset.place) > place);
  turnRows.insertBefore(row, after ?? null);
  return row;
}

/** Tab goes to the selected row, or to the first in sight where that is not. */
function setRowTab() {
  const chosen = list.rows.has(list.selected) ? list.selected : Math.ceil(turnList.scrollTop / ROW_PX);
  for (const [place, row] of list.rows) row.firstChild.tabIndex = place === chosen ? 0 : -1;
}

function scrollToRow(place) {
  const top = place * ROW_PX;
  if (top < turnList.scrollTop) turnList.scrollTop = top;
  else if (top + ROW_PX > turnList.scrollTop + turnList.clientHeight) turnList.scrollTop = top + ROW_PX - turnList.clientHeight;
  showRows();
}

function focusRow(place) {
  list.selected = Math.min(Math.max(place, 0), list.turns.length - 1);
  scrollToRow(list.selected);
  list.rows.get(list.selected).firstChild.focus({ preventScroll: true });
}

function onListKey(event) {
  const place = Number(event.target.closest("li").dataset.place);
  const page = Math.floor(turnList.clientHeight / ROW_PX);
  const steps = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -page, PageDown: page, Home: -Infinity, End: Infinity };
  if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  focusRow(place + steps[event.key]);
}

function onListClick(event) {
  const row = event.target.closest("li");
  if (!row) return;
  list.selected = Number(row.dataset.place);
  const turn = list.turns[list.selected];
  setRowTab();
  selectTurn(turn.index);
  view.wandered = false;
  playTurn(turn, event.shiftKey || byId("one-turn").checked);
  keepInSight(turn.start);
}

function startTurnList() {
  turnRows.addEventListener("keydown", onListKey);
  turnRows.addEventListener("click", onListClick);
  turnList.addEventListener("scroll", showRows, { passive: true });
  on("names", rebuildRows);
  on("shown", filterTurns);
  new ResizeObserver(showRows).observe(turnList);
  filterTurns();
}
