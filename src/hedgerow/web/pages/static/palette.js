// The command palette (Ctrl+K): everything that this page offers, every page of the console, and the way out, by name.

import { carryOut, keyOf, offered } from "./keys.js";

function entries() {
  const found = new Map();
  for (const element of [...offered(), ...document.querySelectorAll("nav a, .own a, .own button")]) {
    const text = (element.dataset.label || element.getAttribute("aria-label") || element.textContent).trim();
    const named = element.labels && element.labels.length ? element.labels[0].textContent.trim() : text;
    const label = (element.dataset.label || named || text).replace(/\s+/g, " ");
    if (label && !found.has(label)) found.set(label, element);
  }
  return [...found];
}

export function preparePalette() {
  const dialog = document.getElementById("palette");
  if (!dialog) return () => {};
  const search = dialog.querySelector("input");
  const list = dialog.querySelector("ul");
  const none = document.getElementById("palette-none");
  let shown = [];
  let at = 0;

  function mark() {
    [...list.children].forEach((each, place) => each.setAttribute("aria-selected", String(place === at)));
    const own = list.children[at];
    search.setAttribute("aria-activedescendant", own ? own.id : "");
    if (own) own.scrollIntoView({ block: "nearest" });
  }

  function fill() {
    const wanted = search.value.trim().toLocaleLowerCase().split(/\s+/);
    shown = entries().filter(([label]) => wanted.every((word) => label.toLocaleLowerCase().includes(word)));
    list.replaceChildren(
      ...shown.map(([label, element], place) => {
        const item = document.createElement("li");
        item.id = `palette-${place}`;
        item.setAttribute("role", "option");
        item.textContent = label;
        const key = keyOf(element.dataset.command);
        if (key) {
          const sign = document.createElement("kbd");
          sign.textContent = key;
          item.append(" ", sign);
        }
        item.addEventListener("click", () => choose(place));
        return item;
      }),
    );
    none.hidden = shown.length > 0;
    at = 0;
    mark();
  }

  function choose(place) {
    const [, element] = shown[place] || [];
    dialog.close();
    if (element) carryOut(element);
  }

  search.addEventListener("input", fill);
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && shown.length) {
      event.preventDefault();
      at = (at + step + shown.length) % shown.length;
      mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(at);
    }
  });

  return () => {
    if (dialog.open) return;
    search.value = "";
    dialog.showModal();
    fill();
    search.focus();
  };
}
