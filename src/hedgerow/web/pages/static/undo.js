// What was decided can be taken back for a moment: then the banner that offers it goes.

for (const form of document.querySelectorAll("[data-undo]")) {
  const left = Date.parse(form.dataset.undo) - Date.now();
  setTimeout(() => {
    form.hidden = true;
  }, Math.max(0, left));
}
