// Puts the parts together: buttons, keys, and who speaks now.

const JUMP_S = 5;
const ZOOM = 1.6;
const speaking = { turns: [] };

/** Marks who speaks, in the lanes, the table and the list. */
function showSpeaking() {
  byId("now").textContent = clock(player.position);
  const now = turnsAt(player.position);
  if (now.length === speaking.turns.length && now.every((turn, i) => turn === speaking.turns[i])) return;
  mark(speaking.turns, false);
  mark(now, true);
  speaking.turns = now;
  nameSpeaking();
  const place = list.place.get(now[0]);
  if (place !== undefined && isPlaying() && byId("follow").checked && !turnRows.contains(document.activeElement)) {
    scrollToRow(place);
  }
}

function mark(pieces, speaks) {
  for (const turn of pieces) {
    const row = list.rows.get(list.place.get(turn))?.firstChild;
    for (const element of [turnElements[turn.index], speakerLanes[turn.of].row, speakerRows[turn.of], row]) {
      element?.classList.toggle("speaks", speaks);
    }
  }
}

function nameSpeaking() {
  const speakers = [...new Set(speaking.turns.map((turn) => turn.of))];
  const entries = speakers.map((speaker) => make("span", {}, swatch(data.speakers[speaker].look), names[speaker]));
  byId("speaking").replaceChildren(...entries);
}

function stepTurn(step) {
  const here = startedBy(turns, player.position + (step > 0 ? 1e-3 : -1)) - 1;
  const turn = step > 0 ? neighbour(here, 1) : neighbour(here + 1, -1);
  if (turn) goTo(turn.start);
}

function goTo(time) {
  view.wandered = false;
  seek(time);
  keepInSight(time);
}

/** Goes to the next error after the position, or the last one before it, and says which it is. */
function stepError(step) {
  const shortest = Number(byId("shortest-error").value);
  const long = errors.filter((error) => error.end - error.start >= shortest);
  const started = startedBy(long, player.position + 1e-3);
  const error = step > 0 ? long[started] : long[startedBy(long, player.position - 1e-3) - 1];
  if (!error) return say(step > 0 ? "No more errors." : "No errors before this.");
  goTo(error.start);
  const [, , kind, reference, said] = data.errors[error.index];
  const heard = said.map((speaker) => names[speaker]).join(", ");
  const length = (error.end - error.start).toFixed(2);
  say(`${data.kinds[kind].name}, ${clock(error.start, 2)}, ${length} s: ${heard || "nobody"}; reference: ${reference || "nobody"}`);
}

function saveRttm() {
  const url = URL.createObjectURL(new Blob([toRttm()], { type: "text/plain" }));
  make("a", { href: url, download: `${data.recording}.rttm` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

const click = (id, action) => byId(id)?.addEventListener("click", action);

function startButtons() {
  click("play", toggle);
  click("previous", () => stepTurn(-1));
  click("next", () => stepTurn(1));
  click("next-error", (event) => stepError(event.shiftKey ? -1 : 1));
  click("zoom-in", () => zoomBy(ZOOM));
  click("zoom-out", () => zoomBy(1 / ZOOM));
  click("zoom-fit", () => setZoom(0, 0, 0));
  click("save", saveRttm);
  byId("speed").addEventListener("change", (event) => (audio.playbackRate = Number(event.target.value)));
  byId("follow").addEventListener("change", () => (view.wandered = false));
  byId("skip").addEventListener("change", (event) => (player.onlyShown = event.target.checked));
}

function onKey(event) {
  const { target, key } = event;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.closest("select, input:not([type=checkbox])")) return;
  const turnFocused = target.closest(".turn, .turn-row");
  if (key === " " && target.closest("button, input") && !turnFocused) return; // it has its own meaning there
  const actions = {
    " ": toggle,
    ArrowLeft: () => goTo(player.position - JUMP_S),
    ArrowRight: () => goTo(player.position + JUMP_S),
    "+": () => zoomBy(ZOOM),
    "=": () => zoomBy(ZOOM),
    "-": () => zoomBy(1 / ZOOM),
    0: () => setZoom(0, 0, 0),
    e: () => data.kinds.length && stepError(1),
    E: () => data.kinds.length && stepError(-1),
  };
  if (!(key in actions)) return;
  event.preventDefault();
  actions[key]();
}

startTimeline();
startOverview();
startSpeakers();
startTurnList();
startWords();
startButtons();
addEventListener("keydown", onKey);
addEventListener("keyup", (event) => {
  // Browsers press a button when the space bar is let go, but on a turn it only plays and pauses.
  if (event.key === " " && event.target.closest(".turn, .turn-row")) event.preventDefault();
});
on("time", showSpeaking);
on("names", nameSpeaking);
on("state", () => document.body.classList.toggle("playing", isPlaying()));
on("state", () => byId("play").setAttribute("aria-label", isPlaying() ? "Pause" : "Play"));
loadRecording();
showSpeaking();
