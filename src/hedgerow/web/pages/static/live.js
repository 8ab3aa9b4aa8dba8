// A part of a page that changes by itself: asks in few words how things stand, and fetches the page when they changed.
// Without scripts the page is loaded again by hand. Nothing is asked while nobody looks, nor for long when nobody does
// anything: a page that is left open must keep no session alive.

const MOST_MS = 15 * 60 * 1000;
const said = document.getElementById("live");
let active = Date.now();

for (const kind of ["pointerdown", "pointermove", "keydown", "scroll"]) {
  addEventListener(kind, () => (active = Date.now()), { capture: true, passive: true });
}

async function look(part) {
  let wait = 1;
  if (!document.hidden && Date.now() - active < MOST_MS) {
    try {
      const answer = await fetch(part.dataset.live, { headers: { accept: "application/json" } });
      if (answer.status === 401 || answer.status === 403 || answer.redirected) return;
      if (answer.ok) {
        const found = await answer.json();
        wait = found.wait_s;
        if (found.version !== part.dataset.version) {
          await renew(part);
          part = document.getElementById(part.id);
          if (!part || !part.dataset.live) return;
        }
        if (!found.is_under_way) return;
      } else {
        wait = 10;
      }
    } catch {
      wait = 10;
    }
  }
  setTimeout(() => look(part), wait * 1000);
}

async function renew(part) {
  const answer = await fetch(location.pathname, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const known = lines(part);
  // What somebody writes elsewhere on the page stays: only the parts that change by themselves are replaced.
  for (const id of [part.id, "here", "queues", "files", "calls", "resolve", "withdraw"]) {
    const [old, fresh] = [document, page].map((each) => {
      const found = each.getElementById(id);
      return found && (found.matches("section") ? found : found.closest("section"));
    });
    const own = old && old.contains(document.activeElement) ? document.activeElement : null;
    const holds = own && own.closest("form");
    if (old && fresh && !holds) {
      old.replaceWith(fresh);
      // Whoever stood on a link stands on it still.
      const link = own && own.getAttribute("href");
      if (own) ((link && fresh.querySelector(`a[href="${CSS.escape(link)}"]`)) || document.querySelector("main")).focus();
    } else if (old && !fresh && !holds) old.remove();
    else if (!old && fresh) document.querySelector("main").append(fresh);
  }
  const now = document.getElementById(part.id);
  const added = now ? lines(now).filter((each) => !known.includes(each)) : [];
  const text = added.join(" ") || now?.querySelector("[data-live-say]")?.textContent.replace(/\s+/g, " ").trim();
  if (said && text) said.textContent = text;
}

function lines(part) {
  return [...part.querySelectorAll("[data-live-list] > li")].map((each) => each.textContent.replace(/\s+/g, " ").trim());
}

for (const part of document.querySelectorAll("[data-live]")) look(part);
