// Plays the recording. Without one, the position can still be moved.

const audio = byId("audio");
const player = { position: 0, stopAt: Infinity, onlyShown: false, ready: false };

/** Embedded bytes become a Blob, in which browsers can seek, unlike in a data: URL. */
function loadRecording() {
  const embedded = byId("recording");
  if (embedded) {
    const text = atob(embedded.textContent);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    audio.src = URL.createObjectURL(new Blob([bytes], { type: data.sound.media_type }));
    embedded.remove();
  } else if (data.sound) {
    audio.src = data.sound.url;
  }
  setReady(Boolean(data.sound));
}

function setReady(ready) {
  player.ready = ready;
  byId("play").disabled = !ready;
}

const isPlaying = () => player.ready && !audio.paused;

function seek(time) {
  player.position = Math.min(Math.max(time, 0), duration);
  player.stopAt = Infinity;
  if (player.ready) audio.currentTime = player.position;
  emit("time");
}

/** Plays from `time`, on to the end or to `stopAt`. */
function playFrom(time, stopAt = Infinity) {
  seek(time);
  player.stopAt = stopAt;
  play();
}

const playTurn = (turn, onlyIt) => playFrom(turn.start, onlyIt ? turn.end : Infinity);

function play() {
  if (!player.ready) return;
  // The promise is broken when a pause comes at once, and when the file cannot be played: "error" tells that.
  audio.play().catch(() => {});
}

function toggle() {
  if (isPlaying()) audio.pause();
  else play();
}

/** Follows the recording while it plays: tells the time, stops or jumps where it should. */
function tick() {
  if (!isPlaying() || audio.seeking) return;
  player.position = audio.currentTime;
  if (player.position >= player.stopAt) {
    audio.pause();
    player.stopAt = Infinity;
  } else if (player.onlyShown && !turnsAt(player.position).some(isShown)) {
    const next = neighbour(startedBy(turns, player.position) - 1, 1);
    if (next) seek(next.start);
    else audio.pause();
  }
  emit("time");
}

function everyFrame() {
  tick();
  if (isPlaying()) requestAnimationFrame(everyFrame);
}

audio.addEventListener("play", everyFrame);
audio.addEventListener("timeupdate", tick); // goes on in a tab in the background, where no frames are drawn
audio.addEventListener("pause", () => {
  player.position = audio.currentTime;
  emit("time");
});
for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, () => emit("state"));
audio.addEventListener("error", () => {
  setReady(false);
  say("The recording cannot be played: it is not where it was when this page was made, or no audio that this browser knows.");
  emit("state");
});

function say(message) {
  byId("notice").textContent = message;
  byId("notice").hidden = !message;
}
