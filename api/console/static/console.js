// The console's small script: times in the reader's zone, pages that rest while nobody looks, copy buttons.
"use strict";
(() => {
  const zone = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const today = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

  function showTimes(root) {
    for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
      const at = new Date(time.dateTime);
      time.title = time.textContent;
      const isToday = at.toDateString() === new Date().toDateString();
      time.textContent = (isToday ? today : zone).format(at);
    }
  }

  function addCopyButtons(root) {
    for (const text of root.querySelectorAll("details > pre:not([data-copy])")) {
      text.dataset.copy = "";
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = "Copied";
      });
      text.before(button);
    }
  }

  function enhance(root) {
    showTimes(root);
    addCopyButtons(root);
  }

  // A hidden page gives its connection back: a browser has six for all pages of a host.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    for (const element of document.querySelectorAll("[hx-get]")) {
      if (document.hidden) htmx.trigger(element, "htmx:abort");
    }
  });
  // The page stays as it is while a reader has opened a part of it or writes into it.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const target = event.detail.target;
    const isWriting = target.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
    if (isWriting || target.querySelector("details[open]")) event.detail.shouldSwap = false;
  });
  document.addEventListener("htmx:afterSwap", (event) => enhance(document.getElementById(event.detail.target.id) || document));
  document.addEventListener("DOMContentLoaded", () => enhance(document));
  if (document.readyState !== "loading") enhance(document);
})();
