// Single keys for what a page offers. A command is carried out by the element that names it (data-command): a link or
// button is pressed, a choice is made, a field gets the focus. While somebody types, and with Ctrl, Alt or Meta held,
// no key does anything but open the palette.

const chosen = JSON.parse(document.body.dataset.keys || "{}");
const commands = new Map(Object.entries(chosen).map(([name, key]) => [key, name]));

export function isTyping(target) {
  if (!(target instanceof Element)) return false;
  const field = target.closest("input, textarea, select, [contenteditable]");
  if (!field) return false;
  return !(field instanceof HTMLInputElement && ["radio", "checkbox", "button", "submit"].includes(field.type));
}

export function keyOf(name) {
  return chosen[name];
}

export function offered() {
  return [...document.querySelectorAll("[data-command]")].filter(
    (each) => each.getClientRects().length > 0 && !each.disabled && !each.closest("[inert]"),
  );
}

export function carryOut(element) {
  if (element instanceof HTMLTextAreaElement || (element instanceof HTMLInputElement && element.type === "text")) {
    element.focus();
    return;
  }
  if (element instanceof HTMLSelectElement || element.tagName === "SUMMARY") element.focus();
  if (element instanceof HTMLInputElement) element.focus();
  if (!(element instanceof HTMLSelectElement)) element.click();
}

export function listenForKeys(openPalette) {
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
      const form = event.target instanceof Element ? event.target.closest("form[data-quick]") : null;
      if (form) {
        event.preventDefault();
        form.requestSubmit();
      }
      return;
    }
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const name = commands.get(event.key);
    const element = name && offered().find((each) => each.dataset.command === name);
    // What is held down belongs to reveal.js.
    if (!element || "hold" in element.dataset) return;
    event.preventDefault();
    carryOut(element);
  });
}
