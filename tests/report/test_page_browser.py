"""The page in a browser: Chromium without a window, driven by selenium. Skipped where these are not installed."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pysid.io.turns.rttm import format_rttm
from pysid.metrics.diarization import error_pieces
from pysid.report.page import SpokenText, write_page
from pysid.segments import Segment, Turn

selenium = pytest.importorskip("selenium")
from selenium import webdriver  # noqa: E402
from selenium.webdriver import ActionChains, Keys  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver")

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    "--window-size=1300,1000",
]
RATE = 16000
HOSTILE = "</script><img src=x onerror=alert(1)>"
TURNS = [
    Turn(Segment(1.0, 3.0), "anna"),
    Turn(Segment(3.0, 5.5), "ben"),
    Turn(Segment(7.0, 9.0), "anna"),
    Turn(Segment(8.5, 11.0), HOSTILE),
    Turn(Segment(12.0, 14.0), "ben"),
]
REFERENCE = [Turn(Segment(1.0, 3.5), "A"), Turn(Segment(3.5, 5.5), "B"), Turn(Segment(7.0, 9.0), "A")]
DURATION_S = 16.0
# Who sounds, as a tone of that many Hz in each second of the recording.
TONES_HZ = 300.0 + 100.0 * np.arange(int(DURATION_S))


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))
    driver.get("about:blank")  # instead of the page of a new tab, which asks for things
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("audio") / "tönes 1.wav"
    phase = 2 * np.pi * np.cumsum(np.repeat(TONES_HZ, RATE)) / RATE
    soundfile.write(path, 0.3 * np.sin(phase), RATE)
    return path


class Page:
    """A page that is open in the browser."""

    def __init__(self, driver, path, audio, turns=TURNS, duration_s=DURATION_S, **options):
        write_page(path, audio, turns, duration_s=duration_s, title="a meeting", **options)
        self.driver = driver
        driver.get_log("browser"), driver.get_log("performance")
        driver.get(path.as_uri())
        self.run(
            "window.places = []; for (const event of ['playing', 'seeked'])"
            "document.getElementById('audio').addEventListener(event, (e) => places.push(e.target.currentTime))"
        )

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def keys(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    @property
    def time(self):
        return self.run("return document.getElementById('audio').currentTime")

    @property
    def shown_time(self):
        minutes, seconds = self.one("#now").text.split(":")
        return 60 * int(minutes) + float(seconds)

    def plays_from(self, start):
        """Waits until it plays, and says whether it began within 0.3 s of `start`."""
        self.until(lambda: self.playing and self.run("return places.length"))
        return start <= self.run("return places[0]") < start + 0.3

    @property
    def playing(self):
        return not self.run("return document.getElementById('audio').paused")

    def until(self, condition, patience_s=10.0):
        end = time.monotonic() + patience_s
        while not condition():
            assert time.monotonic() < end, "it did not come to that"
            time.sleep(0.02)

    def complaints(self):
        return [entry for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self):
        messages = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]


@pytest.fixture
def page(driver, tmp_path, recording):
    page = Page(driver, tmp_path / "page.html", recording)
    yield page
    assert not page.complaints()
    assert not [url for url in page.requests() if not url.startswith(("file:///", "blob:", "data:"))]


def test_a_click_on_a_turn_plays_from_its_start(page):
    third = page.one(".turn[data-turn='2']")
    third.click()
    assert page.plays_from(7.0)
    page.until(lambda: page.time > 7.1)
    assert "speaks" in third.get_attribute("class")
    assert page.one("#speaking").text == "anna"


def test_a_click_elsewhere_in_a_lane_plays_from_there(page):
    track = page.one(".lane .track")
    middle = track.rect["width"] / 2
    ActionChains(page.driver).move_to_element_with_offset(
        track, round(6.25 / DURATION_S * 2 * middle - middle), 0
    ).click().perform()
    assert page.plays_from(6.2)


def test_a_click_in_the_list_plays_the_turn(page):
    page.all(".turn-row")[3].click()
    assert page.plays_from(8.5)


def test_a_drag_scrolls_and_does_not_play(page):
    for _ in range(3):
        page.one("#zoom-in").click()
    ruler = page.one(".lane .track")
    box = page.run("const b = document.getElementById('scroller').getBoundingClientRect(); return [b.left, b.top]")
    start = [round(box[0] + 700), round(box[1] + 110)]
    drag = ActionChains(page.driver, duration=20)
    drag.w3c_actions.pointer_action.move_to_location(*start)
    drag.w3c_actions.pointer_action.pointer_down()
    drag.w3c_actions.pointer_action.move_to_location(start[0] - 200, start[1])
    drag.w3c_actions.pointer_action.pointer_up()
    before = page.run("return document.getElementById('scroller').scrollLeft")
    drag.perform()
    assert page.run("return document.getElementById('scroller').scrollLeft") == before + 200
    assert not page.playing
    assert ruler.is_displayed()


def test_the_keyboard_reaches_and_plays_turns(page):
    for _ in range(40):
        page.keys(Keys.TAB)
        if "turn" in page.driver.switch_to.active_element.get_attribute("class").split():
            break
    page.keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    focused = page.driver.switch_to.active_element
    assert focused.get_attribute("data-turn") == "2"
    assert focused.accessible_name == "anna, 0:07.0 to 0:09.0, 2.0 s"
    assert page.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keys(Keys.ENTER)
    assert page.plays_from(7.0)
    page.keys(Keys.SPACE)
    page.until(lambda: not page.playing)
    stopped = page.time
    page.run("places.length = 0")
    page.keys(Keys.SPACE)
    assert page.plays_from(stopped)
    page.keys(Keys.ARROW_DOWN)
    assert page.driver.switch_to.active_element.get_attribute("data-turn") == "1"  # the nearest of ben
    page.keys(Keys.END)
    assert page.driver.switch_to.active_element.get_attribute("data-turn") == "4"
    assert len(page.all(".turn[tabindex='0']")) == 1


def test_the_list_has_the_same_keys(page):
    page.run("document.querySelector('.turn-row').focus()")
    page.keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ENTER)
    assert page.plays_from(7.0)


def test_other_keys(page):
    page.keys(Keys.SPACE)
    page.until(lambda: page.playing)
    page.keys(Keys.SPACE)
    page.until(lambda: not page.playing)
    before = page.time
    page.keys(Keys.ARROW_RIGHT)
    assert page.time == pytest.approx(before + 5, abs=0.01)
    width = page.one("#content").rect["width"]
    page.keys("+")
    assert page.one("#content").rect["width"] > 1.3 * width
    page.keys("0")
    assert page.one("#content").rect["width"] == pytest.approx(width, abs=1)


def test_buttons_step_from_turn_to_turn(page):
    for start in (1.0, 3.0, 7.0):
        page.one("#next").click()
        assert page.shown_time == start
    page.one("#previous").click()
    assert page.shown_time == 3.0


@pytest.mark.parametrize("how", ["option", "shift"])
def test_only_one_turn_is_played_when_asked_to(page, how):
    page.run("document.getElementById('audio').playbackRate = 2")
    if how == "option":
        page.one("#one-turn").click()
        page.one(".turn[data-turn='4']").click()
    else:
        turn = page.one(".turn[data-turn='4']")
        ActionChains(page.driver).key_down(Keys.SHIFT).click(turn).key_up(Keys.SHIFT).perform()
    page.until(lambda: page.playing)
    page.until(lambda: not page.playing)
    assert 14.0 <= page.time < 15.5


def test_hostile_names_stay_text(page):
    row = page.one("tr[data-speaker='2']")
    assert row.find_element(By.CSS_SELECTOR, ".name").get_attribute("value") == HOSTILE
    page.all(".turn-row")[3].click()
    page.until(lambda: page.one("#speaking").text)
    assert HOSTILE in page.one("#lanes").text and HOSTILE in page.one("#turn-rows").text
    name = page.one("tr[data-speaker='0'] .name")
    name.clear()
    name.send_keys("<b onclick=alert(2)>x</b>")
    assert "<b onclick=alert(2)>x</b>" in page.one("#lanes").text
    assert not page.all("img, #lanes b, #turn-rows b")


def test_no_other_script_can_run(driver, tmp_path):
    page = Page(driver, tmp_path / "page.html", None)
    page.run("const s = document.createElement('script'); s.textContent = 'window.bad = 1'; document.body.append(s)")
    page.run("document.body.insertAdjacentHTML('beforeend', '<img src=\"data:,\" onerror=\"window.bad = 1\">')")
    time.sleep(0.2)
    assert page.run("return window.bad") is None
    assert any("Content Security Policy" in entry["message"] for entry in page.complaints())


def test_a_renamed_speaker_is_renamed_everywhere_and_in_the_rttm(page, tmp_path):
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    name = page.one("tr[data-speaker='2'] .name")
    name.send_keys(Keys.CONTROL + "a")
    name.send_keys("Clara  Q")
    labels = [label.text for label in page.all(".lane .label")]
    assert labels == ["anna", "ben", "Clara Q"]  # as the browser shows white space
    assert page.all(".turn-row")[3].text.splitlines()[1] == "Clara Q"
    assert page.one(".turn[data-turn='3']").accessible_name.startswith("Clara")
    page.one("#save").click()
    saved = tmp_path / "tönes 1.rttm"
    page.until(saved.exists)
    renamed = [Turn(t.segment, "Clara Q" if t.speaker == HOSTILE else t.speaker) for t in TURNS]
    page.until(lambda: saved.read_text() == format_rttm("tönes 1", renamed))


def test_speakers_can_be_hidden_and_heard_alone(page):
    page.one("tr[data-speaker='1'] .show").click()
    assert [lane.is_displayed() for lane in page.all(".lane")] == [True, False, True]
    assert len(page.all(".turn-row")) == 3
    assert page.one("#turn-count").text == "3 of 5 shown"
    page.one("tr[data-speaker='0'] .solo").click()
    assert [lane.is_displayed() for lane in page.all(".lane")] == [True, False, False]
    page.one("#skip").click()
    page.run("document.getElementById('audio').playbackRate = 2")
    page.one(".turn[data-turn='0']").click()
    assert page.plays_from(1.0)
    page.until(lambda: page.time > 6)
    assert page.run("return places.at(-1)") == pytest.approx(7.0, abs=0.3)
    page.until(lambda: not page.playing)
    page.one("tr[data-speaker='0'] .solo").click()
    assert all(lane.is_displayed() for lane in page.all(".lane"))


def test_errors_can_be_stepped_through(driver, tmp_path, recording):
    turns = [Turn(Segment(1, 3), "1"), Turn(Segment(3, 5.5), "2"), Turn(Segment(7, 9), "2"), Turn(Segment(10, 11), "1")]
    errors = error_pieces(REFERENCE, turns)
    assert [(piece.segment.start_s, piece.kind) for piece in errors] == [
        (3, "confusion"), (7, "confusion"), (10, "false alarm")
    ]  # fmt: skip
    page = Page(driver, tmp_path / "page.html", recording, turns, reference=REFERENCE, errors=errors)
    labels = [label.text.splitlines()[0] for label in page.all(".lane .label")]
    assert labels == ["1", "2", "A", "B", "missed", "false alarm", "confusion"]
    button = page.one("#next-error")
    button.click()
    assert page.shown_time == 3
    assert page.one("#notice").text == "confusion, 0:03.00, 0.50 s: 2; reference: A"
    page.keys("e")
    assert page.shown_time == 7
    page.keys("e")
    assert page.shown_time == 10
    assert page.one("#notice").text == "false alarm, 0:10.00, 1.00 s: 1; reference: nobody"
    page.keys("E")
    assert page.shown_time == 7
    page.one("#shortest-error option[value='1']").click()
    page.run("document.getElementById('zoom-fit').focus()")
    page.keys("E")
    assert page.one("#notice").text == "No errors before this."
    page.run("places.length = 0")
    page.all(".mark.reference")[1].click()
    assert page.plays_from(7.0)  # the second turn of A
    assert not page.complaints()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {"subtype": "PCM_16"}),
        ("a.flac", {"subtype": "PCM_24"}),
        ("a.ogg", {"format": "OGG", "subtype": "VORBIS"}),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}),
        ("a.mp3", {"format": "MP3"}),
        ("a.aiff", {}),  # coded anew, as browsers do not play it
    ],
)
def test_what_is_heard_is_what_was_clicked(driver, tmp_path, recording, name, options):
    samples, rate = soundfile.read(recording)
    with soundfile.SoundFile(tmp_path / name, "w", rate, 1, **options) as file:
        for block in np.split(samples, 16):
            file.write(block)
    page = Page(driver, tmp_path / "page.html", tmp_path / name)
    page.one(".turn[data-turn='2']").click()
    page.until(lambda: 7.2 < page.time < 8)
    heard = driver.execute_async_script(
        """
        const done = arguments[0];
        const context = new AudioContext();
        const analyser = new AnalyserNode(context, { fftSize: 8192 });
        const audio = document.getElementById("audio");
        context.createMediaElementSource(audio).connect(analyser).connect(context.destination);
        context.resume().then(() => setTimeout(() => {
          const spectrum = new Float32Array(analyser.frequencyBinCount);
          analyser.getFloatFrequencyData(spectrum);
          const peak = spectrum.indexOf(Math.max(...spectrum));
          done([audio.currentTime, peak * context.sampleRate / 8192]);
        }, 300));
        """
    )
    now, frequency = heard
    possible = TONES_HZ[int(now - 0.2) : int(now + 0.05) + 1]  # the analyser looks 0.17 s back
    assert np.abs(possible - frequency).min() < 20
    assert not page.complaints()


def test_a_linked_recording_plays_from_beside_the_page(driver, recording):
    page = Page(driver, recording.with_name("page.html"), recording, embed_audio="link")
    page.one(".turn[data-turn='2']").click()
    assert page.plays_from(7.0)
    assert not page.complaints()


def test_a_linked_recording_plays_from_elsewhere(driver, tmp_path, recording):
    page = Page(driver, tmp_path / "page.html", recording, embed_audio="link")
    page.one(".turn[data-turn='2']").click()
    assert page.plays_from(7.0)


def test_a_recording_that_went_away_is_said_to_be_missing(driver, tmp_path, recording):
    copy = shutil.copy(recording, tmp_path / "copy.wav")
    write_page(tmp_path / "page.html", copy, TURNS, duration_s=DURATION_S, title="", embed_audio="link")
    Path(copy).unlink()
    driver.get((tmp_path / "page.html").as_uri())
    end = time.monotonic() + 5
    while not driver.find_element(By.ID, "notice").text and time.monotonic() < end:
        time.sleep(0.02)
    assert driver.find_element(By.ID, "notice").text.startswith("The recording cannot be played")
    assert not driver.find_element(By.ID, "play").is_enabled()


def test_without_a_recording_the_turns_can_still_be_looked_at(driver, tmp_path):
    page = Page(driver, tmp_path / "page.html", None)
    assert not page.one("#play").is_enabled()
    page.one(".turn[data-turn='2']").click()
    assert page.shown_time == 7.0
    assert not page.complaints()


def test_nobody_speaks(driver, tmp_path, recording):
    page = Page(driver, tmp_path / "page.html", recording, [])
    page.one("#next").click()
    page.one("#play").click()
    page.until(lambda: page.playing)
    assert not page.complaints()


@pytest.fixture
def long_page(driver, tmp_path):
    turns = [Turn(Segment(2.4 * i, 2.4 * i + 2.2), f"s{i % 9}") for i in range(1500)]
    return Page(driver, tmp_path / "page.html", None, turns, duration_s=3600.0)


def test_an_hour_of_turns(long_page):
    assert len(long_page.all(".turn")) == 1500
    assert len(long_page.all(".turn-row")) < 60
    long_page.run("document.querySelector('.turn').focus()")
    long_page.keys(Keys.END)
    last = long_page.run(
        "const e = document.activeElement.getBoundingClientRect(), s = document.getElementById('scroller')"
        ".getBoundingClientRect(); return [document.activeElement.dataset.turn, e.left - s.left, s.right - e.left]"
    )
    assert last[0] == "1499" and last[1] > 0 and last[2] > 0
    long_page.run("document.querySelector('.turn-row').focus()")
    long_page.keys(Keys.END)
    assert long_page.driver.switch_to.active_element.text.startswith("1500")
    assert not long_page.complaints()


def test_the_overview_goes_there(long_page):
    overview = long_page.one("#overview")
    ActionChains(long_page.driver).move_to_element(overview).click().perform()
    window = long_page.one("#window")
    shown = float(window.get_attribute("aria-valuenow"))
    assert 1700 < shown < 1800
    window.send_keys(Keys.PAGE_DOWN)
    long_page.until(lambda: float(window.get_attribute("aria-valuenow")) > shown + 60)
    long_page.one("#zoom-fit").click()
    assert not window.is_displayed()
    scroller = long_page.run("const s = document.getElementById('scroller'); return [s.scrollWidth, s.clientWidth]")
    assert scroller[0] == scroller[1]


def test_words_are_heard_and_marked(driver, tmp_path, recording):
    text = [
        SpokenText("anna", [(1.0, 1.8, "Good", False), (2.0, 2.9, "morning", False), (2.9, 3.0, HOSTILE, True)]),
        SpokenText(None, [(12.0, 13.5, "Hello", False)]),
    ]
    page = Page(driver, tmp_path / "page.html", recording, text=text)
    said = page.all(".said")
    assert [x.text for x in said] == [f"anna 0:01 Good morning{HOSTILE}", "(nobody known) 0:12 Hello"]
    word = page.all(".word")[3]
    word.click()
    assert page.plays_from(12.0)
    page.until(lambda: "now" in word.get_attribute("class"))
    page.one("#play").click()
    name = page.one(".name")
    name.clear()
    name.send_keys("Anna Berg")
    assert said[0].text.startswith("Anna Berg 0:01 Good")
    page.one("input.show").click()
    assert not said[0].is_displayed() and said[1].is_displayed()
    assert not page.complaints()


def test_dark_where_the_system_is(driver, page):
    def brightness():
        colour = page.run("return getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in colour.strip("rgb()").split(","))

    assert brightness() > 600
    feature = {"name": "prefers-color-scheme", "value": "dark"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    assert brightness() < 100
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_phone_shows_the_page_without_sideways_scrolling(driver, tmp_path, recording):
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page = Page(driver, tmp_path / "page.html", recording, reference=REFERENCE, errors=[])
        assert page.run("return document.documentElement.scrollWidth") == 360
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
