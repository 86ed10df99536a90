"use strict";
// Niceties only: the page says everything without this script.

// Names on the map: one tip that follows mouse and finger, in place of the browser's slow one.
const tip = document.querySelector(".tip");
for (const map of document.querySelectorAll("svg.map")) {
  for (const title of map.querySelectorAll("circle > title, path > title, g > title")) {
    title.parentNode.dataset.tip = title.textContent;
    title.remove();
  }
  const show = (event) => {
    const shape = event.target.closest("[data-tip]");
    tip.hidden = !shape;
    if (!shape) return;
    tip.textContent = shape.dataset.tip;
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = Math.max(8, Math.min(event.clientX + 12, room)) + "px";
    const below = event.clientY + 18;
    const fits = below + tip.offsetHeight < window.innerHeight;
    tip.style.top = (fits ? below : event.clientY - tip.offsetHeight - 12) + "px";
  };
  map.addEventListener("pointermove", show);
  map.addEventListener("pointerdown", show);
  map.addEventListener("pointerleave", () => { tip.hidden = true; });
}
window.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

// One failure at a time.
for (const box of document.querySelectorAll(".failures")) {
  const panels = [...box.querySelectorAll(":scope > details")];
  const select = box.querySelector("select");
  const choose = () => panels.forEach((panel, index) => {
    panel.hidden = panel.open = false;
    panel.hidden = index !== Number(select.value);
    panel.open = !panel.hidden;
  });
  box.querySelector(".chooser").hidden = false;
  select.addEventListener("change", choose);
  choose();
}

// Country names in the reader's own language.
try {
  const names = new Intl.DisplayNames(navigator.languages, { type: "region" });
  for (const code of document.querySelectorAll("abbr.cc")) {
    if (/^[A-Z]{2}$/.test(code.textContent)) code.title = names.of(code.textContent);
  }
} catch { /* the codes will do */ }

// Paper cannot be unfolded.
window.addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details")) { fold.hidden = false; fold.open = true; }
});
