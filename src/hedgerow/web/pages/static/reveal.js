// A deliberate look. The original is asked for when a button or the key was held for a while, and never before; the
// look is on record by then. It is hidden by Esc, by the key, by pressing again, after some seconds, and whenever the
// window or the tab is left.

import { isTyping, keyOf } from "./keys.js";

const HOLD_MS = 400;
const AGAIN_MS = 5000;
const stage = document.getElementById("media-stage");
const large = stage && stage.querySelector("figure");
const figures = [...document.querySelectorAll("figure[data-reveal]")];

let current = null; // the look that goes on: asked for, or shown
let holding = null; // what is held down
let zoomed = null; // the tile that the stage shows larger
let last = figures[0] || null;

function say(name) {
  const live = document.getElementById("live");
  if (live) live.textContent = (stage && stage.dataset[name]) || name || "";
}

function send(path, said) {
  return fetch(path, {
    method: "POST",
    keepalive: true,
    headers: { "content-type": "application/json", "x-csrf-token": document.body.dataset.csrf },
    body: JSON.stringify(said),
  });
}

function fail(figure, text) {
  const words = text || (stage && stage.dataset.failed) || "";
  say(words);
  const said = place(figure).querySelector(".media-said");
  said.textContent = words;
  said.hidden = false;
}

function place(figure) {
  return zoomed === figure ? large : figure;
}

function mark(figure, isShown) {
  for (const each of zoomed === figure ? [figure, large] : [figure]) each.classList.toggle("revealed", isShown);
}

// ── holding ──

function press(figure) {
  if (holding) return;
  if (current) {
    hide();
    return;
  }
  last = figure;
  place(figure).querySelector(".media-said").hidden = true;
  holding = { figure, timer: setTimeout(held, HOLD_MS) };
  place(figure).classList.add("holding");
  say("hold");
}

function letGo() {
  if (!holding) return;
  clearTimeout(holding.timer);
  place(holding.figure).classList.remove("holding");
  holding = null;
}

function held() {
  const { figure } = holding;
  letGo();
  show(figure);
}

// ── showing ──

async function show(figure) {
  if (document.visibilityState !== "visible" || !document.hasFocus()) return;
  const mine = { figure };
  current = mine;
  say("asked");
  let answer;
  try {
    answer = await send(figure.dataset.reveal, { submission: Number(figure.dataset.submission) });
  } catch {
    answer = null;
  }
  const said = answer ? await answer.json().catch(() => ({})) : {};
  if (said.reason === "cap_reached" || said.reason === "break_due") {
    location.assign(`/break?back=${encodeURIComponent(location.pathname)}`);
    return;
  }
  if (!answer || !answer.ok) {
    if (current === mine) current = null;
    fail(figure, said.detail);
    return;
  }
  Object.assign(mine, said);
  if (current !== mine) {
    report(mine, 0, []); // it was hidden before it came
    return;
  }
  mine.overlay = mine.kind === "video" ? video(mine) : picture(mine);
  mine.overlay.className = "media-full";
  mine.overlay.draggable = false;
  mine.overlay.addEventListener("contextmenu", (event) => event.preventDefault());
  mine.overlay.addEventListener("error", () => {
    if (current !== mine) return;
    hide("failed");
    fail(figure);
  });
  place(figure).querySelector(".media-frame").append(mine.overlay);
  mine.overlay.src = mine.address;
}

function begun(mine) {
  if (current !== mine || mine.at) return;
  mine.at = performance.now();
  mark(mine.figure, true);
  say("shown");
}

function picture(mine) {
  const shown = new Image();
  shown.alt = stage ? stage.dataset.picture : "";
  shown.addEventListener("load", () => {
    begun(mine);
    hideIn(mine);
  });
  return shown;
}

function video(mine) {
  const shown = document.createElement("video");
  shown.muted = true;
  shown.defaultMuted = true;
  shown.autoplay = false;
  shown.controls = true;
  shown.playsInline = true;
  shown.preload = "metadata";
  shown.poster = `/media/${mine.evidence}/blurred`;
  shown.disablePictureInPicture = true;
  shown.disableRemotePlayback = true;
  shown.setAttribute("controlslist", "nodownload noplaybackrate noremoteplayback");
  shown.setAttribute("aria-label", stage ? stage.dataset.video : "");
  shown.addEventListener("loadedmetadata", () => {
    begun(mine);
    hideIn(mine);
    shown.focus();
  });
  shown.addEventListener("play", () => clearTimeout(mine.timer));
  for (const each of ["pause", "ended"]) shown.addEventListener(each, () => hideIn(mine));
  return shown;
}

function hideIn(mine) {
  clearTimeout(mine.timer);
  if (current === mine) mine.timer = setTimeout(hide, mine.seconds * 1000);
}

function hide(words) {
  const mine = current;
  letGo();
  if (!mine) return;
  current = null;
  clearTimeout(mine.timer);
  const seconds = mine.at ? (performance.now() - mine.at) / 1000 : 0;
  const intervals = [];
  if (mine.overlay) {
    const played = mine.overlay.played;
    for (let at = 0; played && at < played.length; at += 1) intervals.push([played.start(at), played.end(at)]);
    if (mine.overlay.pause) mine.overlay.pause();
    const hadFocus = mine.overlay === document.activeElement;
    mine.overlay.remove();
    mine.overlay.removeAttribute("src");
    if (mine.overlay.load) mine.overlay.load();
    mark(mine.figure, false);
    if (hadFocus) place(mine.figure).querySelector("[data-hold]").focus();
  }
  if (mine.reveal) report(mine, seconds, intervals);
  say(typeof words === "string" ? words : "hidden");
}

function report(mine, seconds, intervals) {
  send(`${mine.figure.dataset.reveal}/${mine.reveal}/hidden`, { seconds, intervals }).catch(() => {});
  const detail = { submission: Number(mine.figure.dataset.submission), seconds };
  mine.figure.dispatchEvent(new CustomEvent("hedgerow:seen", { bubbles: true, detail }));
}

// ── larger ──

function zoom(figure) {
  if (!stage) return;
  zoomed = figure;
  last = figure;
  const blurred = new Image();
  blurred.src = `/media/${figure.dataset.evidence}/blurred`;
  blurred.alt = `${stage.dataset.blurred}: ${figure.querySelector("img").alt}`;
  blurred.draggable = false;
  const frame = large.querySelector(".media-frame");
  frame.prepend(blurred);
  if (current && current.figure === figure && current.overlay) {
    frame.append(current.overlay);
    mark(figure, Boolean(current.at));
  }
  stage.showModal();
}

function unzoom() {
  const figure = zoomed;
  hide();
  zoomed = null;
  large.querySelectorAll("img").forEach((each) => each.remove());
  if (figure) figure.querySelector("[data-zoom]").focus();
}

// ── what people do ──

function wire(button, figureOf) {
  let isArmed = -AGAIN_MS;
  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    button.setPointerCapture?.(event.pointerId);
    press(figureOf());
  });
  for (const each of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(each, letGo);
  button.addEventListener("keydown", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) press(figureOf());
  });
  button.addEventListener("keyup", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    letGo();
  });
  button.addEventListener("click", (event) => {
    if (event.detail > 0) return; // of a pointer: it was held, or not for long enough
    // Of what cannot hold a button down, such as a screen reader: twice, so that it is deliberate all the same.
    if (performance.now() - isArmed < AGAIN_MS) {
      isArmed = -AGAIN_MS;
      if (current) hide();
      else show(figureOf());
    } else {
      isArmed = performance.now();
      say("again");
    }
  });
}

function chosen() {
  if (zoomed) return zoomed;
  const focused = document.activeElement && document.activeElement.closest("figure[data-reveal]");
  return focused || last;
}

function isElsewhere() {
  const open = document.querySelector("dialog[open]");
  return open && open !== stage;
}

for (const figure of figures) {
  const button = figure.querySelector("[data-hold]");
  button.hidden = false;
  wire(button, () => figure);
  figure.querySelector("[data-zoom]").addEventListener("click", (event) => {
    event.preventDefault();
    zoom(figure);
  });
}

if (stage) {
  wire(large.querySelector("[data-hold]"), () => zoomed);
  stage.querySelector("[data-close]").addEventListener("click", () => stage.close());
  stage.addEventListener("close", unzoom);
}

const steps = document.querySelector(".media-steps");
if (steps && figures.length > 1) {
  steps.hidden = false;
  steps.addEventListener("click", (event) => {
    const button = event.target.closest("[data-step]");
    if (!button) return;
    const at = figures.indexOf(chosen()) + Number(button.dataset.step);
    hide();
    last = figures[(at + figures.length) % figures.length];
    last.focus();
    last.scrollIntoView({ block: "nearest" });
  });
}

document.addEventListener(
  "keydown",
  (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (current && (event.key === "Escape" || (event.key === keyOf("hide") && !isTyping(event.target)))) {
      event.preventDefault();
      event.stopPropagation();
      hide();
      return;
    }
    if (event.key !== keyOf("reveal") || isTyping(event.target) || isElsewhere()) return;
    const figure = chosen();
    if (!figure) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) press(figure);
  },
  true,
);
document.addEventListener("keyup", (event) => {
  if (event.key === keyOf("reveal")) letGo();
});

for (const each of ["blur", "pagehide"]) addEventListener(each, () => hide());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") hide();
});
