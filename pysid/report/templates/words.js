// What is said, where that is known: paragraphs whose words are clicked to hear them, and marked as they are said.

const text = { words: [], starts: [], marked: [], box: byId("words") };

function startWords() {
  if (!text.box) return;
  for (const [of, words] of data.words) text.box.append(makeParagraph(of, words));
  text.words = [...text.box.querySelectorAll(".word")];
  text.starts = text.words.map((word) => ({ start: Number(word.dataset.start), end: Number(word.dataset.end) }));
  text.box.addEventListener("click", (event) => {
    const word = event.target.closest(".word");
    if (!word || String(getSelection())) return; // text that is being selected is no click
    view.wandered = false;
    playFrom(Number(word.dataset.start));
    keepInSight(player.position);
  });
  on("time", markWords);
  on("names", nameParagraphs);
  on("shown", hideParagraphs);
}

function makeParagraph(of, words) {
  const look = of < 0 ? "" : data.speakers[of].look;
  const who = make("span", { className: "who" });
  const paragraph = make("p", { className: `said ${look}` }, who);
  paragraph.dataset.of = of;
  const start = words[0][0] / 1000;
  const time = make("button", { className: "time", textContent: clock(start, 0), "aria-label": `Play from ${clock(start, 0)}` });
  time.addEventListener("click", () => playFrom(start));
  paragraph.append(time);
  for (const [startMs, endMs, word, glued] of words) {
    const span = make("span", { className: "word", textContent: word });
    span.dataset.start = startMs / 1000;
    span.dataset.end = endMs / 1000;
    paragraph.append(glued ? "" : " ", span);
  }
  nameParagraph(paragraph);
  return paragraph;
}

function nameParagraph(paragraph) {
  const of = Number(paragraph.dataset.of);
  paragraph.firstChild.textContent = of < 0 ? "(nobody known)" : names[of];
}

const nameParagraphs = () => text.box.querySelectorAll(".said").forEach(nameParagraph);

function hideParagraphs() {
  for (const paragraph of text.box.querySelectorAll(".said")) {
    const of = Number(paragraph.dataset.of);
    paragraph.hidden = of >= 0 && !shown.has(of);
  }
}

/** Marks the last word that has begun, until it ends, and keeps it in sight while the recording plays. */
function markWords() {
  const i = startedBy(text.starts, player.position) - 1;
  const now = i >= 0 && text.starts[i].end > player.position ? [text.words[i]] : [];
  if (now[0] === text.marked[0]) return;
  text.marked.forEach((word) => word.classList.remove("now"));
  now.forEach((word) => word.classList.add("now"));
  text.marked = now;
  if (!now.length || !isPlaying() || !byId("follow").checked) return;
  const top = now[0].offsetTop - text.box.offsetTop;
  if (top < text.box.scrollTop || top > text.box.scrollTop + text.box.clientHeight - 48) text.box.scrollTop = top - 48;
}
