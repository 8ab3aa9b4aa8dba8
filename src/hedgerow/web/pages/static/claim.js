// A claim of a case holds for as long as somebody works on it: while there is activity, the lease is extended. What is
// typed is kept by drafts.js, also when the lease is over.

const EVERY_MS = 60_000;
const SOON_MS = 3 * 60_000;

const sign = document.querySelector("[data-claim]");
const live = document.getElementById("live");
const shown = sign.textContent;
let expires = Date.parse(sign.dataset.expires);
let asked = Date.now();
let isOver = false;
let said = "";

// Whoever comes from the case before goes on at the head of this one.
if (!location.hash && document.activeElement === document.body) {
  document.querySelector("main h1").focus({ preventScroll: true });
}

function say(text) {
  sign.textContent = text || shown;
  sign.classList.toggle("late", Boolean(text));
  if (text && text !== said && live) live.textContent = text;
  said = text;
}

function over() {
  isOver = true;
  say(sign.dataset.over);
}

async function extend() {
  asked = Date.now();
  try {
    const answer = await fetch(sign.dataset.claim, {
      method: "POST",
      headers: { "content-type": "application/json", "x-csrf-token": document.body.dataset.csrf },
      body: JSON.stringify({ token: Number(sign.dataset.token) }),
    });
    if (answer.ok) {
      expires = Date.parse((await answer.json()).expires_at);
      say("");
    } else if (answer.status === 409 || answer.status === 401) {
      over();
    }
  } catch {
    // no connection: the next activity asks again
  }
}

function active() {
  if (!isOver && Date.now() - asked > EVERY_MS && document.visibilityState === "visible") extend();
}

for (const kind of ["pointerdown", "keydown", "input", "scroll"]) {
  addEventListener(kind, active, { capture: true, passive: true });
}

setInterval(() => {
  if (isOver) return;
  const left = expires - Date.now();
  if (left <= 0) over();
  else if (left < SOON_MS) say(sign.dataset.soon.replace("{minutes}", String(Math.max(1, Math.ceil(left / 60_000)))));
}, 5_000);
