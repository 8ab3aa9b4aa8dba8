// What somebody writes is kept on the server while they write it, so that it outlives a lease, a crash and a restart.
// Without scripts the same form has a button that keeps it.

const WAIT_MS = 800;

function bodyOf(form) {
  const said = {};
  for (const [name, value] of new FormData(form)) {
    if (name === "csrf_token" || name === "token" || name === "seen_version") continue;
    said[name] = name in said ? [].concat(said[name], value) : value;
  }
  return JSON.stringify(said);
}

export function keepDrafts() {
  for (const form of document.querySelectorAll("form[data-draft]")) {
    let timer;
    let kept = bodyOf(form);
    const keep = () => {
      clearTimeout(timer);
      const body = bodyOf(form);
      if (body === kept) return;
      kept = body;
      fetch(form.dataset.draft, {
        method: "POST",
        keepalive: true,
        headers: { "content-type": "application/json", "x-csrf-token": document.body.dataset.csrf },
        body,
      }).then((answer) => form.toggleAttribute("data-unkept", !answer.ok), () => form.toggleAttribute("data-unkept", true));
    };
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(keep, WAIT_MS);
    });
    form.addEventListener("submit", () => {
      clearTimeout(timer);
      kept = bodyOf(form); // what is said is no draft any more
    });
    addEventListener("pagehide", keep);
  }
}
